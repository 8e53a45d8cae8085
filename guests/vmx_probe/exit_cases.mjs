// SPDX-License-Identifier: LGPL-2.1-only
// Cases for each kind of VM exit, and for what VM entry injects or loads.
import {
  andNot,
  code16,
  code32,
  cpl3,
  enter,
  Entry,
  entry,
  ept,
  Exit,
  exit,
  F,
  guest32,
  host,
  M,
  makeCase,
  needLow,
  needCpuid,
  notBochs,
  Msr,
  or,
  peek,
  Pin,
  pin,
  poke,
  poke64,
  Primary,
  primary,
  realMode,
  registers,
  run,
  Secondary,
  secondary,
  tprShadow,
  virtual8086,
  virtualNmis,
  vpid,
  watchdog,
  write,
} from './operations.mjs';

const list = [];

/** A case that enters once. */
function exits(name, ...operations) {
  list.push(makeCase(name, ...operations, enter()));
}

/** The same, and prints the guest's registers. */
function shows(name, ...operations) {
  list.push(makeCase(name, ...operations, enter(), registers()));
}

const INJECTION = F.VmEntryInterruptionInformationField;
const SCRATCH = '0x42d000';
const hex = (value) => `0x${value.toString(16)}`;
const bitmap = (...vectors) => write(F.ExceptionBitmap, vectors.reduce((all, vector) => all | (1 << vector), 0) >>> 0);
const run32 = (...lines) => [guest32, write(F.GuestRip, code32(...lines))];

// Instructions that always exit.
exits('CPUID', run('nop', 'cpuid'));
exits('CPUID with prefixes', run('.byte 0x66, 0x67', 'cpuid'));
exits('CPUID at CPL 3', cpl3, run('cpuid'));
exits(
  'CPUID in compatibility mode',
  write(F.GuestCsSelector, 0x28),
  write(F.GuestCsAccessRights, 0xc09b),
  write(F.GuestRip, code32('cpuid')),
);
exits('CPUID in 32-bit mode', run32('cpuid'));
exits('CPUID in virtual-8086 mode', virtual8086(code16('nop', 'cpuid')));
exits('CPUID in real-address mode', realMode(code16('nop', 'cpuid')));
exits('INVD', run('invd'));
exits('INVD at CPL 3 is #GP', cpl3, run('invd'));
exits('GETSEC without CR4.SMXE is #UD', run('getsec'));
exits('XSETBV', or(F.GuestCr4, 0x40000), run('xor ecx, ecx', 'mov eax, 1', 'xor edx, edx', 'xsetbv'));
exits('XSETBV without CR4.OSXSAVE is #UD', run('xsetbv'));
exits('VMCALL at CPL 3', cpl3, run('nop'));
exits('VMCALL in virtual-8086 mode is #UD', virtual8086(code16()), bitmap(6));
exits(
  'VMCALL in compatibility mode is #UD',
  write(F.GuestCsSelector, 0x28),
  write(F.GuestCsAccessRights, 0xc09b),
  write(F.GuestRip, code32()),
  bitmap(6),
);
exits('VMXOFF', run('vmxoff'));
exits('VMLAUNCH', run('vmlaunch'));
exits('VMRESUME', run('vmresume'));
exits('VMXON [RAX]', run('vmxon [rax]'));
exits('VMCLEAR [RBX + 8]', run('vmclear [rbx + 8]'));
exits('VMPTRLD [RIP + 16]', run('vmptrld [rip + 16]'));
exits('VMPTRST [RCX + RDX * 4 - 256]', run('vmptrst [rcx + rdx * 4 - 256]'));
exits('VMPTRLD FS:[R9 * 8 + 64]', write(F.GuestFsBase, 0x1000), run('vmptrld fs:[r9 * 8 + 64]'));
exits('VMCLEAR [R12 + R13 * 2 + 12345678H], SS', run('vmclear ss:[r12 + r13 * 2 + 0x12345678]'));
exits('VMREAD RAX, RCX', run('vmread rax, rcx'));
exits('VMREAD [RSP - 8], R11', run('vmread [rsp - 8], r11'));
exits('VMWRITE R10, R9', run('vmwrite r10, r9'));
exits('VMWRITE RDX, [RBP + RSI]', run('vmwrite rdx, [rbp + rsi]'));
exits('VMREAD at CPL 3', cpl3, run('vmread rax, rcx'));
exits('VMCLEAR [EAX] in 32-bit mode', run32('mov eax, 0x1234', 'vmclear [eax]'));
exits('VMPTRLD with 16-bit address in 32-bit mode', run32('mov bx, 0x100', '.byte 0x67, 0x0f, 0xc7, 0x77, 0x10'));
exits('INVEPT RAX, [RDX]', run('invept rax, [rdx]'));
exits('INVVPID R8, [RSI + 16]', run('invvpid r8, [rsi + 16]'));

// Instructions that exit by controls.
exits('HLT', primary(Primary.HltExiting), run('hlt'));
exits('HLT without HLT exiting', watchdog, run('hlt'));
exits('HLT at CPL 3 is #GP', primary(Primary.HltExiting), cpl3, run('hlt'));
exits('INVLPG', primary(Primary.InvlpgExiting), run(`mov eax, ${SCRATCH}`, 'invlpg [rax + 16]'));
exits('INVLPG without INVLPG exiting', run('invlpg [rax]'));
exits('RDPMC', primary(Primary.RdpmcExiting), run('rdpmc'));
exits('RDPMC at CPL 3 with CR4.PCE 0 is #GP', primary(Primary.RdpmcExiting), cpl3, run('rdpmc'));
exits('RDTSC', primary(Primary.RdtscExiting), run('rdtsc'));
exits('RDTSC at CPL 3 with CR4.TSD is #GP', primary(Primary.RdtscExiting), cpl3, or(F.GuestCr4, 4), run('rdtsc'));
exits('RDTSC without RDTSC exiting', run('rdtsc'));
exits('RDTSCP', primary(Primary.RdtscExiting), secondary(Secondary.EnableRdtscp), run('rdtscp'));
exits('RDTSCP that is not enabled is #UD', primary(Primary.RdtscExiting), run('rdtscp'));
exits('PAUSE', primary(Primary.PauseExiting), run('pause'));
exits('PAUSE without PAUSE exiting', run('pause'));
exits('MONITOR', primary(Primary.MonitorExiting), needCpuid(1, 'ecx', 8), run(`mov eax, ${SCRATCH}`, 'monitor'));
exits('MWAIT', primary(Primary.MwaitExiting), needCpuid(1, 'ecx', 8), run('mwait'));
exits('WBINVD', secondary(Secondary.WbinvdExiting), run('wbinvd'));
exits('WBINVD without WBINVD exiting', run('wbinvd'));
exits('RDRAND', secondary(Secondary.RdrandExiting), run('rdrand rax'));
exits('RDRAND R9W', secondary(Secondary.RdrandExiting), run('rdrand r9w'));
exits('RDSEED EDX', secondary(Secondary.RdseedExiting), run('rdseed edx'));
exits(
  'INVPCID',
  secondary(Secondary.EnableInvpcid),
  primary(Primary.InvlpgExiting),
  run('mov eax, 2', 'invpcid rax, [rsp - 32]'),
);
exits('INVPCID that is not enabled is #UD', run('invpcid rax, [rsp - 32]'));
exits(
  'XSAVES',
  secondary(Secondary.EnableXsavesXrstors),
  or(F.GuestCr4, 0x40000),
  write(F.XssExitingBitmap, -1n),
  run('xsaves [rsp - 64]'),
);
exits('VMFUNC that is not enabled is #UD', run('vmfunc'));
exits('VMFUNC of function 1', secondary(Secondary.EnableVmFunctions), run('mov eax, 1', 'vmfunc'));
exits(
  'VMFUNC of EPTP index 512',
  ept,
  secondary(Secondary.EnableVmFunctions),
  needLow(Msr.Ia32VmxVmfunc, 1),
  write(F.VmFunctionControls, 1),
  write(F.EptpListAddress, M.eptpList),
  run('xor eax, eax', 'mov ecx, 512', 'vmfunc'),
);
exits(
  'VMFUNC of an EPTP that is not valid',
  ept,
  secondary(Secondary.EnableVmFunctions),
  needLow(Msr.Ia32VmxVmfunc, 1),
  write(F.VmFunctionControls, 1),
  write(F.EptpListAddress, M.eptpList),
  run('xor eax, eax', 'xor ecx, ecx', 'vmfunc'),
);

// Control registers.
exits('MOV CR3, RAX', primary(Primary.Cr3LoadExiting), run('mov rax, cr3', 'mov cr3, rax'));
exits('MOV R9, CR3', primary(Primary.Cr3StoreExiting), run('mov r9, cr3'));
exits(
  'MOV CR3 of a target value',
  primary(Primary.Cr3LoadExiting),
  write(F.Cr3TargetCount, 2),
  write(F.Cr3TargetValue1, M.pml4),
  run(`mov eax, ${hex(M.pml4)}`, 'mov cr3, rax'),
);
exits(
  'MOV CR3 of a target value beyond the count',
  primary(Primary.Cr3LoadExiting),
  write(F.Cr3TargetCount, 1),
  write(F.Cr3TargetValue1, M.pml4),
  run(`mov eax, ${hex(M.pml4)}`, 'mov cr3, rax'),
);
exits('MOV CR3 without CR3-load exiting', run('mov rax, cr3', 'mov cr3, rax'));
exits('MOV CR8, RDX', primary(Primary.Cr8LoadExiting), run('mov cr8, rdx'));
exits('MOV R8, CR8', primary(Primary.Cr8StoreExiting), run('mov r8, cr8'));
exits(
  'MOV CR0 that changes a masked bit',
  write(F.Cr0GuestHostMask, 8),
  run('mov rax, cr0', 'or eax, 8', 'mov cr0, rax'),
);
exits('MOV CR0 that keeps the masked bits', write(F.Cr0GuestHostMask, 8), run('mov rax, cr0', 'mov cr0, rax'));
shows(
  'MOV RAX, CR0 reads the shadow',
  write(F.Cr0GuestHostMask, 0x20000008n),
  write(F.Cr0ReadShadow, 0x20000008n),
  run('mov rax, cr0'),
);
shows('SMSW reads the shadow', write(F.Cr0GuestHostMask, 0x8), write(F.Cr0ReadShadow, 0x8), run('smsw rax'));
exits('MOV CR0 that clears NE is #GP', run('mov rax, cr0', 'and eax, 0xffffffdf', 'mov cr0, rax'));
exits(
  'MOV CR0 with PG without PE is #GP',
  write(F.Cr0GuestHostMask, 1),
  write(F.Cr0ReadShadow, 1),
  run('mov rax, cr0', 'and eax, 0xfffffffe', 'mov cr0, rax'),
);
exits(
  'MOV CR4 that changes a masked bit',
  write(F.Cr4GuestHostMask, 0x2000),
  run('mov rax, cr4', 'or eax, 0x2000', 'mov cr4, rax'),
);
exits(
  'MOV CR4 that keeps the masked bits',
  write(F.Cr4GuestHostMask, 0x2000),
  run('mov rax, cr4', 'or eax, 4', 'mov cr4, rax'),
);
shows('MOV RAX, CR4 reads the shadow', write(F.Cr4GuestHostMask, 0x2000), run('mov rax, cr4'));
exits('MOV CR4 that clears VMXE is #GP', run('mov rax, cr4', 'and eax, 0xffffdfff', 'mov cr4, rax'));
exits('CLTS of a masked bit', write(F.Cr0GuestHostMask, 8), write(F.Cr0ReadShadow, 8), or(F.GuestCr0, 8), run('clts'));
exits('CLTS of a masked bit that the shadow shows as 0', write(F.Cr0GuestHostMask, 8), or(F.GuestCr0, 8), run('clts'));
exits('CLTS', or(F.GuestCr0, 8), run('clts'));
exits('LMSW of a masked bit', write(F.Cr0GuestHostMask, 8), run('mov eax, 0x3b', 'lmsw ax'));
exits(
  'LMSW of a masked bit from memory',
  write(F.Cr0GuestHostMask, 8),
  run(`mov edx, ${SCRATCH}`, 'mov word ptr [rdx], 0x3b', 'lmsw [rdx]'),
);
exits(
  'LMSW that cannot clear PE',
  write(F.Cr0GuestHostMask, 1),
  write(F.Cr0ReadShadow, 1),
  run('mov eax, 0x32', 'lmsw ax'),
);
exits('MOV CR3 at CPL 3 is #GP', primary(Primary.Cr3LoadExiting), cpl3, run('mov cr3, rax'));

// Debug registers.
exits('MOV DR3, RDI', primary(Primary.MovDrExiting), run('mov dr3, rdi'));
exits('MOV R15, DR7', primary(Primary.MovDrExiting), run('mov r15, dr7'));
exits('MOV DR5 with CR4.DE exits before #UD', primary(Primary.MovDrExiting), or(F.GuestCr4, 8), run('mov rax, dr5'));
exits(
  'MOV DR0 with DR7.GD',
  entry(Entry.LoadDebugControls),
  primary(Primary.MovDrExiting),
  or(F.GuestDr7, 0x2000),
  bitmap(1),
  run('mov dr0, rax'),
);
exits('MOV DR7 is saved', exit(Exit.SaveDebugControls), run('mov eax, 0x700', 'mov dr7, rax'));

// Port I/O.
const io = primary(Primary.UnconditionalIoExiting);
exits('IN AL, 70H', io, run('in al, 0x70'));
exits('OUT 80H, AL', io, run('out 0x80, al'));
exits('IN AX, DX', io, run('mov edx, 0x3f8', 'in ax, dx'));
exits('OUT DX, EAX', io, run('mov edx, 0xcf8', 'out dx, eax'));
exits('INSB', io, run('mov edx, 0x1f0', `mov edi, ${SCRATCH}`, 'insb'));
exits('REP INSW', io, run('mov edx, 0x1f0', `mov edi, ${SCRATCH}`, 'mov ecx, 4', 'rep insw'));
exits(
  'REP OUTSB FS:[RSI]',
  io,
  write(F.GuestFsBase, 0x1000),
  run('mov edx, 0x1f0', 'mov esi, 0x42c000', 'mov ecx, 4', '.byte 0x64, 0xf3, 0x6e'),
);
exits('REP INSB with RCX 0', io, run('mov edx, 0x1f0', `mov edi, ${SCRATCH}`, 'xor ecx, ecx', 'rep insb'));
exits('OUTSD with 32-bit address', io, run('mov edx, 0x1f0', `mov esi, ${SCRATCH}`, '.byte 0x67, 0x6f'));
exits('IN at CPL 3 with IOPL 0 is #GP', io, cpl3, run('in al, 0x70'));
exits('IN at CPL 3 with IOPL 3', io, cpl3, or(F.GuestRflags, 0x3000), run('in al, 0x70'));
exits('IN in real-address mode', io, realMode(code16('in al, 0x70')));
exits(
  'REP OUTSW in real-address mode',
  io,
  realMode(code16('mov dx, 0x80', 'mov cx, 2', 'mov si, 0x40', '.byte 0xf3, 0x6f')),
);
const ioBitmaps = [
  ...primary(Primary.UseIoBitmaps),
  write(F.AddressOfIoBitmapA, M.ioBitmapA),
  write(F.AddressOfIoBitmapB, M.ioBitmapB),
];
exits('I/O bitmap: port 70H is set', ioBitmaps, poke(M.ioBitmapA + 12, 0x00010000), run('in al, 0x70'));
exits('I/O bitmap: port 80H is clear', ioBitmaps, run('out 0x80, al'));
exits(
  'I/O bitmap: the second byte of a word is set',
  ioBitmaps,
  poke(M.ioBitmapA + 16, 2),
  run('mov edx, 0x80', 'out dx, ax'),
);
exits('I/O bitmap: port 8001H is set in B', ioBitmaps, poke(M.ioBitmapB, 2), run('mov edx, 0x8001', 'out dx, al'));
exits(
  'I/O bitmap: a double word from 7FFEH on reaches into B',
  ioBitmaps,
  poke(M.ioBitmapB, 2),
  run('mov edx, 0x7ffe', 'out dx, eax'),
);
exits('I/O bitmap: an access that wraps past FFFFH exits', ioBitmaps, run('mov edx, 0xffff', 'out dx, ax'));
exits('I/O bitmaps overrule unconditional exiting', ioBitmaps, io, run('out 0x80, al'));

// MSRs.
exits('RDMSR without a bitmap', run('mov ecx, 0x174', 'rdmsr'));
exits('WRMSR without a bitmap', run('mov ecx, 0x174', 'wrmsr'));
exits('RDMSR at CPL 3 is #GP', cpl3, run('mov ecx, 0x174', 'rdmsr'));
const msrBitmap = [...primary(Primary.UseMsrBitmap), write(F.AddressOfMsrBitmap, M.msrBitmap)];
shows(
  'MSR bitmap: RDMSR of 174H is clear',
  msrBitmap,
  write(F.GuestIa32SysenterCs, 0x1234),
  run('mov ecx, 0x174', 'rdmsr'),
);
exits(
  'MSR bitmap: RDMSR of 174H is set',
  msrBitmap,
  poke(M.msrBitmap + 0x2c, 0x00100000),
  run('mov ecx, 0x174', 'rdmsr'),
);
exits(
  'MSR bitmap: RDMSR of C0000080H is set',
  msrBitmap,
  poke(M.msrBitmap + 0x410, 1),
  run('mov ecx, 0xc0000080', 'rdmsr'),
);
exits(
  'MSR bitmap: WRMSR of 174H is set',
  msrBitmap,
  poke(M.msrBitmap + 0x82c, 0x00100000),
  run('mov ecx, 0x174', 'wrmsr'),
);
exits(
  'MSR bitmap: WRMSR of C0000080H is set',
  msrBitmap,
  poke(M.msrBitmap + 0xc10, 1),
  run('mov ecx, 0xc0000080', 'wrmsr'),
);
exits('MSR bitmap: RDMSR of 2000H is out of its range', msrBitmap, run('mov ecx, 0x2000', 'rdmsr'));
exits('MSR bitmap: RDMSR of an MSR that does not exist is #GP', msrBitmap, run('mov ecx, 0x1234', 'rdmsr'));
exits(
  'MSR bitmap: WRMSR of 174H goes to the guest',
  msrBitmap,
  run('mov ecx, 0x174', 'mov eax, 0x5678', 'xor edx, edx', 'wrmsr'),
);
exits(
  'WRMSR of EFER is saved',
  msrBitmap,
  exit(Exit.SaveIa32Efer),
  entry(Entry.LoadIa32Efer),
  run('mov ecx, 0xc0000080', 'rdmsr', 'and eax, 0xfffff7ff', 'wrmsr'),
);
exits(
  'WRMSR of PAT is saved',
  msrBitmap,
  exit(Exit.SaveIa32Pat),
  entry(Entry.LoadIa32Pat),
  run('mov ecx, 0x277', 'xor eax, eax', 'xor edx, edx', 'wrmsr'),
);

// Descriptor tables.
const tables = secondary(Secondary.DescriptorTableExiting);
exits('SGDT [RAX]', tables, run(`mov eax, ${SCRATCH}`, 'sgdt [rax]'));
exits('SIDT [RBX + 4]', tables, run(`mov ebx, ${SCRATCH}`, 'sidt [rbx + 4]'));
exits('LGDT [RSP - 16]', tables, run('lgdt [rsp - 16]'));
exits('LIDT [R8 + R9 * 8]', tables, run('lidt [r8 + r9 * 8]'));
exits('SLDT RAX', tables, run('sldt rax'));
exits('STR [RDX]', tables, run(`mov edx, ${SCRATCH}`, 'str [rdx]'));
exits('LLDT CX', tables, run('xor ecx, ecx', 'lldt cx'));
exits('LTR [RSI]', tables, run(`mov esi, ${SCRATCH}`, 'ltr [rsi]'));
list.push(
  makeCase('SGDT without descriptor-table exiting', run(`mov eax, ${SCRATCH}`, 'sgdt [rax]'), enter(), peek(M.scratch)),
);
exits(
  'LIDT without descriptor-table exiting is saved',
  run(`mov eax, ${SCRATCH}`, 'mov word ptr [rax], 0x123', 'mov dword ptr [rax + 2], 0x456789', 'lidt [rax]'),
);
exits('SGDT in 32-bit mode', tables, run32(`mov eax, ${SCRATCH}`, 'sgdt [eax]'));

// Exceptions.
const NO_PAGE = '0x8000000000';
exits('#DE', bitmap(0), run('xor ecx, ecx', 'div ecx'));
exits('#DE that is delivered', run('xor ecx, ecx', 'div ecx'));
exits('#DB of INT1', bitmap(1), run('.byte 0xf1'));
exits('#DB of TF', bitmap(1), or(F.GuestRflags, 0x100), run('nop', 'nop'));
exits('#DB of TF that is delivered', or(F.GuestRflags, 0x100), run('nop', 'nop'));
exits(
  '#DB of an instruction breakpoint',
  bitmap(1),
  entry(Entry.LoadDebugControls),
  run('lea rax, [rip + @stop]', 'mov dr0, rax', 'mov eax, 0x402', 'mov dr7, rax', 'nop', '@stop:', 'nop'),
);
exits(
  '#DB of a data breakpoint',
  bitmap(1),
  run(`mov eax, ${SCRATCH}`, 'mov dr1, rax', 'mov ecx, 0xd00408', 'mov dr7, rcx', 'mov dword ptr [rax], 1', 'nop'),
);
exits(
  '#DB of a data breakpoint of MOV SS is held back',
  bitmap(1),
  run32(
    'mov eax, 0x42d000',
    'mov dword ptr [eax], 0x10',
    'mov dr1, eax',
    'mov ecx, 0xf00408',
    'mov dr7, ecx',
    'mov ss, word ptr [eax]',
    'nop',
    'nop',
  ),
);
exits('#BP', bitmap(3), run('int3'));
exits('#BP that is delivered', run('int3'));
exits('INT 3 of two bytes', bitmap(3), run('.byte 0xcd, 3'));
exits('#OF', bitmap(4), run32('mov eax, 0x7fffffff', 'inc eax', 'into'));
exits('#BR', bitmap(5), run32('mov ecx, 0x42d000', 'mov eax, 5', '.byte 0x62, 0x01'));
exits('#UD', bitmap(6), run('ud2'));
exits('#UD that is delivered', run('ud2'));
exits('#NM', bitmap(7), or(F.GuestCr0, 8), run('fnop'));
exits('#NP', bitmap(11), run('mov eax, 0x68', 'mov ds, eax'));
exits('#SS of a segment that is not present', bitmap(12), run('mov eax, 0x68', 'mov ss, eax'));
exits('#SS of an address that is not canonical', bitmap(12), run('mov rbp, 0x800000000000', 'mov rax, [rbp]'));
exits('#GP of an address that is not canonical', bitmap(13), run('mov rax, 0x800000000000', 'mov rbx, [rax]'));
exits('#GP of a selector', bitmap(13), run('mov eax, 0x1234', 'mov ds, eax'));
exits('#GP that is delivered with its error code', run('mov eax, 0x1234', 'mov ds, eax'));
exits('#PF of a read', bitmap(14), run(`mov rax, ${NO_PAGE}`, 'mov rbx, [rax + 0x123]'));
exits('#PF of a write', bitmap(14), run(`mov rax, ${NO_PAGE}`, 'mov [rax + 0x456], ebx'));
exits('#PF of a fetch', bitmap(14), or(F.GuestIa32Efer, 0x800), run(`mov rax, ${NO_PAGE}`, 'jmp rax'));
exits('#PF at CPL 3', bitmap(14), cpl3, run(`mov rax, ${NO_PAGE}`, 'mov rbx, [rax]'));
exits('#PF that is delivered', run(`mov rax, ${NO_PAGE}`, 'mov rbx, [rax]'));
exits(
  '#PF whose error code does not match',
  bitmap(14),
  write(F.PageFaultErrorCodeMask, 2),
  write(F.PageFaultErrorCodeMatch, 2),
  run(`mov rax, ${NO_PAGE}`, 'mov rbx, [rax]'),
);
exits(
  '#PF whose error code matches',
  bitmap(14),
  write(F.PageFaultErrorCodeMask, 2),
  write(F.PageFaultErrorCodeMatch, 2),
  run(`mov rax, ${NO_PAGE}`, 'mov [rax], ebx'),
);
exits(
  '#PF with bit 14 clear and no match exits',
  write(F.PageFaultErrorCodeMask, 2),
  write(F.PageFaultErrorCodeMatch, 2),
  run(`mov rax, ${NO_PAGE}`, 'mov rbx, [rax]'),
);
exits('#MF', bitmap(16), run('fninit', 'push 0', 'fldcw [rsp]', 'fldz', 'fld1', 'fdivrp', 'fwait'));
exits(
  '#AC',
  bitmap(17),
  cpl3,
  or(F.GuestCr0, 0x40000),
  or(F.GuestRflags, 0x40000),
  run('mov eax, 0x42d001', 'mov ebx, [rax]'),
);
exits(
  '#XM',
  bitmap(19),
  run('push 0x1d80', 'ldmxcsr [rsp]', 'pxor xmm0, xmm0', 'push 0x3f800000', 'movss xmm1, [rsp]', 'divss xmm1, xmm0'),
);
exits('all exceptions exit but INT 30H does not', write(F.ExceptionBitmap, 0xffffffff), run('int 0x30'));

// Exits during event delivery.
exits('INT 30H beyond the IDT limit', bitmap(13), write(F.GuestIdtrLimit, 0x2ff), run('int 0x30'));
exits('#UD beyond the IDT limit', bitmap(13), write(F.GuestIdtrLimit, 0x5f), run('ud2'));
exits('#BP beyond the IDT limit', bitmap(13), write(F.GuestIdtrLimit, 0x2f), run('int3'));
exits('INT1 beyond the IDT limit', bitmap(13), write(F.GuestIdtrLimit, 0xf), run('.byte 0xf1'));
exits('#PF while #UD is delivered', bitmap(14), run(`mov rsp, ${NO_PAGE}`, 'ud2'));
exits('#DF', bitmap(8), write(F.GuestIdtrLimit, 0xcf), run('mov eax, 0x1234', 'mov ds, eax'));
exits('#DF that is delivered', write(F.GuestIdtrLimit, 0xcf), run('mov eax, 0x1234', 'mov ds, eax'));
exits('a triple fault', write(F.GuestIdtrLimit, 0), run('ud2'));
exits('a triple fault while an event is injected', write(F.GuestIdtrLimit, 0), write(INJECTION, 0x80000306));

// Task switches.
exits('task switch: JMP', run32('.byte 0xea', '.long 0', '.short 0x58'));
exits('task switch: CALL', run32('.byte 0x9a', '.long 0', '.short 0x58'));
exits('task switch: JMP through a task gate', run32('.byte 0xea', '.long 0', '.short 0x60'));
exits(
  'task switch: IRET with NT',
  run32('iretd'),
  or(F.GuestRflags, 0x4000),
  write(F.GuestTrBase, M.scratch),
  poke(M.scratch, 0x18),
);
exits(
  'task switch: a task gate in the IDT',
  run32('int 0x20'),
  write(F.GuestIdtrBase, M.scratch),
  poke(M.scratch + 0x100, 0x580000),
  poke(M.scratch + 0x104, 0xe500),
);
exits(
  'task switch: a task gate in the IDT for an exception',
  run32('ud2'),
  write(F.GuestIdtrBase, M.scratch),
  poke(M.scratch + 0x30, 0x580000),
  poke(M.scratch + 0x34, 0xe500),
);

// Event injection.
const enabled = or(F.GuestRflags, 0x200);
function injects(name, information, ...operations) {
  list.push(
    makeCase(
      `inject ${name}`,
      write(INJECTION, information),
      ...operations,
      enter(),
      peek(M.guestStack - 40),
      peek(M.guestStack - 48),
    ),
  );
}
injects('an external interrupt', 0x80000021, enabled, run('nop'));
injects('an NMI', 0x80000202, run('nop'));
injects('an NMI: blocking by NMI', 0x80000202, pin(Pin.NmiExiting), run('nop'));
injects('an NMI: virtual blocking by NMI', 0x80000202, virtualNmis, run('nop'));
injects('#DE', 0x80000300, run('nop'));
injects('#DB', 0x80000301, run('nop'));
injects('#UD', 0x80000306, run('nop'));
injects('#GP with an error code', 0x80000b0d, write(F.VmEntryExceptionErrorCode, 0x1234), run('nop'));
injects('#PF with an error code', 0x80000b0e, write(F.VmEntryExceptionErrorCode, 5), run('nop'));
injects('#DF with an error code', 0x80000b08, run('nop'));
injects('a software interrupt', 0x80000430, write(F.VmEntryInstructionLength, 2), run('nop'));
injects('a privileged software exception', 0x80000501, write(F.VmEntryInstructionLength, 1), run('nop'));
injects('#BP', 0x80000603, write(F.VmEntryInstructionLength, 1), run('nop'));
injects('#OF', 0x80000604, write(F.VmEntryInstructionLength, 3), run('nop'));
injects('#UD with the exception bitmap set', 0x80000306, bitmap(6), run('nop'));
injects('#UD beyond the IDT limit', 0x80000306, bitmap(13), write(F.GuestIdtrLimit, 0x5f), run('nop'));
injects(
  'an external interrupt beyond the IDT limit',
  0x80000021,
  enabled,
  bitmap(13),
  write(F.GuestIdtrLimit, 0x1ff),
  run('nop'),
);
injects(
  'a software interrupt beyond the IDT limit',
  0x80000430,
  write(F.VmEntryInstructionLength, 2),
  bitmap(13),
  write(F.GuestIdtrLimit, 0x2ff),
  run('nop'),
);
injects('#GP into a stack that is not there', 0x80000b0d, bitmap(14), write(F.GuestRsp, 0x8000000000n), run('nop'));
injects('an external interrupt at CPL 3', 0x80000021, enabled, cpl3, run('nop'));
injects('an external interrupt in 32-bit mode', 0x80000021, enabled, run32('nop'));
injects('an external interrupt into HLT', 0x80000021, enabled, watchdog, write(F.GuestActivityState, 1), run('nop'));
injects('an NMI into HLT', 0x80000202, watchdog, write(F.GuestActivityState, 1), run('nop'));
injects('an NMI into shutdown', 0x80000202, watchdog, write(F.GuestActivityState, 2), run('nop'));
list.push(
  makeCase(
    'inject an external interrupt in real-address mode',
    realMode(code16('nop')),
    poke(M.scratch + 0x21 * 4, 0x08000100),
    poke(0x8100, 0x00c1010f),
    write(INJECTION, 0x80000021),
    enabled,
    enter(),
  ),
);
list.push(makeCase('inject a pending MTF VM exit', notBochs(), write(INJECTION, 0x80000700), run('nop'), enter()));
exits('HLT state with nothing to wake it', watchdog, write(F.GuestActivityState, 1), run('nop'));
exits('shutdown state with nothing to wake it', watchdog, write(F.GuestActivityState, 2), run('nop'));

// Windows, timers, single steps.
exits('interrupt window: open', primary(Primary.InterruptWindowExiting), enabled, run('nop', 'nop'));
exits('interrupt window: behind STI', primary(Primary.InterruptWindowExiting), run('nop', 'sti', 'nop', 'nop'));
exits(
  'interrupt window: blocking by STI at entry',
  primary(Primary.InterruptWindowExiting),
  enabled,
  write(F.GuestInterruptibilityState, 1),
  run('nop', 'nop'),
);
exits(
  'interrupt window: blocking by MOV SS at entry',
  primary(Primary.InterruptWindowExiting),
  enabled,
  write(F.GuestInterruptibilityState, 2),
  run('nop', 'nop'),
);
exits('interrupt window: closed', primary(Primary.InterruptWindowExiting), run('nop'));
exits(
  'interrupt window: open in HLT',
  primary(Primary.InterruptWindowExiting),
  enabled,
  write(F.GuestActivityState, 1),
  watchdog,
  run('nop'),
);
exits('NMI window: open', virtualNmis, primary(Primary.NmiWindowExiting), run('nop', 'nop'));
exits(
  'NMI window: opened by IRET',
  virtualNmis,
  primary(Primary.NmiWindowExiting),
  write(F.GuestInterruptibilityState, 8),
  run(
    'mov rax, rsp',
    'push 0x10',
    'push rax',
    'push 2',
    'push 8',
    'lea rcx, [rip + @next]',
    'push rcx',
    'iretq',
    '@next:',
    'nop',
    'nop',
  ),
);
exits('blocking by NMI is saved', write(F.GuestInterruptibilityState, 8), run('nop'));
exits(
  'IRET ends blocking by NMI',
  write(F.GuestInterruptibilityState, 8),
  run(
    'mov rax, rsp',
    'push 0x10',
    'push rax',
    'push 2',
    'push 8',
    'lea rcx, [rip + @next]',
    'push rcx',
    'iretq',
    '@next:',
    'nop',
  ),
);
exits('blocking by STI is saved', run('sti'));
exits('blocking by MOV SS is saved', run('mov eax, ss', 'mov ss, eax'));
exits('preemption timer of 0', pin(Pin.ActivateVmxPreemptionTimer), run('nop'));
exits(
  'preemption timer in a loop',
  pin(Pin.ActivateVmxPreemptionTimer),
  write(F.VmxPreemptionTimerValue, 0x100),
  run('@self:', 'jmp @self'),
);
exits(
  'preemption timer of 0 is saved',
  pin(Pin.ActivateVmxPreemptionTimer),
  exit(Exit.SaveVmxPreemptionTimerValue),
  run('nop'),
);
exits('monitor trap flag', primary(Primary.MonitorTrapFlag), run('nop', 'nop'));
exits('monitor trap flag: INT 30H', primary(Primary.MonitorTrapFlag), run('int 0x30'));
exits('monitor trap flag: #UD', primary(Primary.MonitorTrapFlag), run('ud2'));
list.push(makeCase('monitor trap flag: REP MOVSB', primary(Primary.MonitorTrapFlag), run('rep movsb'), enter()));
list.push(
  makeCase(
    'monitor trap flag: two steps',
    primary(Primary.MonitorTrapFlag),
    run('nop', 'mov eax, 5', 'nop'),
    enter(),
    enter(),
    registers(),
  ),
);
exits(
  'monitor trap flag: an injected event',
  primary(Primary.MonitorTrapFlag),
  write(INJECTION, 0x80000306),
  run('nop'),
);
exits('monitor trap flag: an instruction that exits', primary(Primary.MonitorTrapFlag), run('cpuid'));
exits('pending debug exceptions: BS is delivered', write(F.GuestPendingDebugExceptions, 0x4000), bitmap(1), run('nop'));
exits(
  'pending debug exceptions: an enabled breakpoint',
  write(F.GuestPendingDebugExceptions, 0x1001),
  bitmap(1),
  run('nop'),
);
exits(
  'pending debug exceptions behind MOV SS',
  write(F.GuestPendingDebugExceptions, 0x4000),
  or(F.GuestRflags, 0x100),
  write(F.GuestInterruptibilityState, 2),
  bitmap(1),
  run('nop', 'nop'),
);

// Interrupts from the local APIC.
const APIC_ON = ['mov ebx, 0xfee00000', 'mov dword ptr [rbx + 0xf0], 0x1ff', 'mov dword ptr [rbx + 0x310], 0'];
const sendSelf = [...APIC_ON, 'mov dword ptr [rbx + 0x300], 0x44031'];
const endOfInterrupt = host('mov ebx, 0xfee00000', 'mov dword ptr [rbx + 0xb0], 0', 'xor eax, eax');
const external = pin(Pin.ExternalInterruptExiting);
list.push(
  makeCase(
    'external interrupt: acknowledged',
    external,
    exit(Exit.AcknowledgeInterruptOnExit),
    enabled,
    watchdog,
    run(...sendSelf, '@wait:', 'jmp @wait'),
    enter(),
    endOfInterrupt,
  ),
);
list.push(
  makeCase(
    'external interrupt: with IF 0',
    external,
    exit(Exit.AcknowledgeInterruptOnExit),
    watchdog,
    run(...sendSelf, '@wait:', 'jmp @wait'),
    enter(),
    endOfInterrupt,
  ),
);
list.push(
  makeCase(
    'external interrupt: not acknowledged, then acknowledged',
    external,
    enabled,
    watchdog,
    run(...sendSelf, '@wait:', 'jmp @wait'),
    enter(),
    exit(Exit.AcknowledgeInterruptOnExit),
    enter(),
    endOfInterrupt,
  ),
);
list.push(
  makeCase(
    'external interrupt: delivered to the guest',
    enabled,
    watchdog,
    run(...sendSelf, '@wait:', 'jmp @wait'),
    enter(),
    endOfInterrupt,
  ),
);
list.push(
  makeCase(
    'external interrupt: wakes HLT',
    external,
    exit(Exit.AcknowledgeInterruptOnExit),
    enabled,
    watchdog,
    run(...sendSelf, 'hlt', 'hlt'),
    enter(),
    endOfInterrupt,
  ),
);
const sendNmi = [...APIC_ON, 'mov dword ptr [rbx + 0x300], 0x4400'];
list.push(makeCase('NMI: exits', pin(Pin.NmiExiting), watchdog, run(...sendNmi, '@wait:', 'jmp @wait'), enter()));
list.push(makeCase('NMI: delivered to the guest', watchdog, run(...sendNmi, '@wait:', 'jmp @wait'), enter()));

// EPT.
const area = (rights) => poke(M.eptPt, M.eptTestArea | rights);
const touch = 'mov eax, 0x600000';
exits('EPT: read of a page that is not there', ept, area(0), run(touch, 'mov rbx, [rax + 0x123]'));
exits('EPT: write of a page that is not there', ept, area(0), run(touch, 'mov [rax + 8], ebx'));
exits('EPT: fetch of a page that is not there', ept, area(0), run(touch, 'jmp rax'));
exits('EPT: write of a page that can be read', ept, area(0x31), run(touch, 'mov [rax], ebx'));
exits('EPT: fetch of a page that can be read and written', ept, area(0x33), run(touch, 'jmp rax'));
exits('EPT: read-modify-write of a page that can be read', ept, area(0x31), run(touch, 'inc dword ptr [rax]'));
exits(
  'EPT: read of a page that can be executed only',
  ept,
  needLow(Msr.Ia32VmxEptVpidCap, 1),
  area(0x34),
  run(touch, 'mov ebx, [rax]'),
);
exits('EPT: a page that can be read is read', ept, area(0x31), run(touch, 'mov ebx, [rax]'));
exits('EPT: push on a page that is not there', ept, area(0), run('mov esp, 0x600008', 'push rax'));
exits('EPT: the page walk meets a page that is not there', ept, area(0), write(F.GuestCr3, M.eptTestArea), run('nop'));
exits('EPT: the delivery of an event meets a page that is not there', ept, area(0), run('mov esp, 0x600100', 'ud2'));
exits('EPT: misconfiguration, write only', ept, area(0x32), run(touch, 'mov ebx, [rax]'));
exits('EPT: misconfiguration, write and execute', ept, area(0x36), run(touch, 'mov ebx, [rax]'));
exits('EPT: misconfiguration, memory type 2', ept, area(0x17), run(touch, 'mov ebx, [rax]'));
exits('EPT: misconfiguration, memory type 7', ept, area(0x3f), run(touch, 'mov ebx, [rax]'));
exits(
  'EPT: misconfiguration, beyond the width',
  ept,
  poke64(M.eptPt, 0x0008000000600037n),
  run(touch, 'mov ebx, [rax]'),
);
exits(
  'EPT: misconfiguration, reserved bit of a table',
  ept,
  poke(M.eptPd + 24, M.eptPt | 0x0f),
  run(touch, 'mov ebx, [rax]'),
);
exits(
  'EPT: misconfiguration, a large page with a low address bit',
  ept,
  poke(M.eptPd + 24, 0x6010b7),
  run(touch, 'mov ebx, [rax]'),
);
list.push(
  makeCase(
    'EPT: accessed and dirty flags',
    ept,
    needLow(Msr.Ia32VmxEptVpidCap, 1 << 21),
    or(F.EptPointer, 0x40),
    run(touch, 'mov ebx, [rax]', 'mov [rax + 0x1000], ebx'),
    enter(),
    peek(M.eptPt),
    peek(M.eptPt + 8),
    peek(M.eptPt + 16),
  ),
);
list.push(
  makeCase(
    'EPT: page-modification log',
    ept,
    needLow(Msr.Ia32VmxEptVpidCap, 1 << 21),
    or(F.EptPointer, 0x40),
    secondary(Secondary.EnablePml),
    write(F.PmlAddress, M.pml),
    write(F.PmlIndex, 0xffff),
    run(touch, 'mov [rax + 0x1000], ebx'),
    enter(),
  ),
);
exits('EPT with VPID', ept, vpid, run('nop', 'cpuid'));
exits(
  'EPT: unrestricted guest without paging',
  ept,
  secondary(Secondary.UnrestrictedGuest),
  run32('cpuid'),
  andNot(F.GuestCr0, 0x80000000),
);

// The virtual APIC.
exits(
  'TPR shadow: MOV CR8 above the threshold',
  tprShadow,
  poke(M.virtualApic + 0x80, 0x50),
  write(F.TprThreshold, 4),
  run('mov eax, 6', 'mov cr8, rax'),
);
list.push(
  makeCase(
    'TPR shadow: MOV CR8 below the threshold',
    tprShadow,
    poke(M.virtualApic + 0x80, 0x50),
    write(F.TprThreshold, 4),
    run('mov eax, 3', 'mov cr8, rax'),
    enter(),
    peek(M.virtualApic + 0x80),
  ),
);
shows('TPR shadow: MOV RAX, CR8', tprShadow, poke(M.virtualApic + 0x80, 0x70), run('mov rax, cr8'));
const apicAccesses = [...secondary(Secondary.VirtualizeApicAccesses), write(F.ApicAccessAddress, M.apicAccess)];
exits('APIC access: a read', apicAccesses, run('mov eax, 0x417000', 'mov ebx, [rax + 0x30]'));
exits('APIC access: a write', apicAccesses, run('mov eax, 0x417000', 'mov [rax + 0xb0], ebx'));
exits('APIC access: a fetch', notBochs(), apicAccesses, run('mov eax, 0x417000', 'jmp rax'));
shows(
  'APIC access: a read of TPR with a TPR shadow',
  apicAccesses,
  tprShadow,
  poke(M.virtualApic + 0x80, 0x70),
  run('mov ebx, 0x417000', 'mov eax, [rbx + 0x80]'),
);

// MSR areas.
list.push(
  makeCase(
    'VM-exit MSR-store area',
    write(F.VmExitMsrStoreCount, 1),
    write(F.VmExitMsrStoreAddress, M.msrArea),
    poke(M.msrArea, 0x277),
    enter(),
    peek(M.msrArea),
    peek(M.msrArea + 8),
  ),
);
list.push(
  makeCase(
    'VM-exit MSR-load area',
    write(F.VmExitMsrLoadCount, 1),
    write(F.VmExitMsrLoadAddress, M.msrArea),
    poke(M.msrArea, 0x174),
    poke(M.msrArea + 8, 0x4321),
    enter(),
    host('mov ecx, 0x174', 'rdmsr'),
  ),
);
list.push(
  makeCase(
    'VM-entry MSR-load area',
    msrBitmap,
    write(F.VmEntryMsrLoadCount, 1),
    write(F.VmEntryMsrLoadAddress, M.msrArea),
    poke(M.msrArea, 0xc0000082),
    poke(M.msrArea + 8, 0x1111),
    run('mov ecx, 0xc0000082', 'rdmsr'),
    enter(),
    registers(),
  ),
);

// Host state after an exit.
list.push(
  makeCase(
    'host: SYSENTER MSRs are loaded',
    write(F.HostIa32SysenterCs, 0x77),
    write(F.HostIa32SysenterEsp, 0x1234),
    enter(),
    host('mov ecx, 0x174', 'rdmsr'),
    host('mov ecx, 0x175', 'rdmsr'),
  ),
);
list.push(
  makeCase(
    'host: FS and GS bases are loaded',
    write(F.HostFsBase, 0x1111),
    write(F.HostGsBase, 0x2222),
    enter(),
    host('mov ecx, 0xc0000100', 'rdmsr'),
    host('mov ecx, 0xc0000101', 'rdmsr'),
  ),
);
list.push(
  makeCase(
    'host: table limits are FFFFH',
    enter(),
    host(
      'push 0',
      'push 0',
      'sgdt [rsp]',
      'movzx eax, word ptr [rsp]',
      'sidt [rsp]',
      'shl eax, 16',
      'mov ax, [rsp]',
      'lea rsp, [rsp + 16]',
    ),
  ),
);
list.push(
  makeCase(
    'host: DR7 is 400H, RFLAGS is 2',
    entry(Entry.LoadDebugControls),
    or(F.GuestDr7, 0x300),
    or(F.GuestRflags, 0x8d5),
    enter(),
    host('mov rax, dr7'),
    host('pushfq', 'pop rax'),
  ),
);
list.push(
  makeCase(
    'host: CR0 and CR4 are loaded',
    write(F.Cr0GuestHostMask, 0),
    run('mov rax, cr0', 'or eax, 8', 'mov cr0, rax'),
    enter(),
    host('mov rax, cr0'),
    host('mov rax, cr4'),
  ),
);
list.push(
  makeCase(
    'host: PAT is loaded',
    exit(Exit.LoadIa32Pat),
    write(F.HostIa32Pat, 0x0606060606060606n),
    enter(),
    host('mov ecx, 0x277', 'rdmsr'),
    host('mov ecx, 0x277', 'mov eax, 0x00070406', 'mov edx, eax', 'wrmsr'),
  ),
);
list.push(
  makeCase(
    'host: EFER.LMA follows the host',
    guest32,
    write(F.GuestRip, code32('cpuid')),
    enter(),
    host('mov ecx, 0xc0000080', 'rdmsr'),
  ),
);
list.push(
  makeCase(
    'host: an exit after a failed entry loads it too',
    or(F.GuestRflags, 8),
    write(F.HostGsBase, 0x3333),
    enter(),
    host('mov ecx, 0xc0000101', 'rdmsr'),
  ),
);

// The state after a failed entry.
list.push(
  makeCase(
    'a failed entry leaves the VMCS clear',
    or(F.GuestRflags, 8),
    enter(),
    andNot(F.GuestRflags, 8),
    ['enter', 2],
    ['enter', 1],
  ),
);
list.push(
  makeCase(
    'a failed entry keeps the event for the next',
    write(INJECTION, 0x80000306),
    write(F.HostCsSelector, 0),
    enter(),
    write(F.HostCsSelector, 8),
    enter(),
  ),
);
exits('RIP at the end of the linear-address width', write(F.GuestRip, 0x00007ffffffffffen), bitmap(14));
exits(
  'RFLAGS.RF holds back an instruction breakpoint',
  bitmap(1),
  entry(Entry.LoadDebugControls),
  or(F.GuestRflags, 0x10000),
  run('nop'),
);
exits('guest CR3 beyond what is mapped', write(F.GuestCr3, M.scratch), bitmap(14), run('nop'));
exits(
  'unusable SS and DS in 64-bit mode',
  write(F.GuestSsAccessRights, 0x10000),
  write(F.GuestDsAccessRights, 0x10000),
  run('push rax', 'mov rax, [rsp]'),
);
exits(
  'unusable DS in 32-bit mode is #GP',
  bitmap(13),
  run32('mov eax, [0x42d000]'),
  write(F.GuestDsAccessRights, 0x10000),
);
exits(
  'a write of a read-only segment in 32-bit mode is #GP',
  bitmap(13),
  run32('mov [0x42d000], eax'),
  write(F.GuestDsAccessRights, 0xc091),
);
exits(
  'beyond the limit of a segment in 32-bit mode is #GP',
  bitmap(13),
  run32('mov eax, [0x42d000]'),
  write(F.GuestDsAccessRights, 0x4093),
  write(F.GuestDsLimit, 0xffff),
);

// Last: Bochs keeps the INIT signal pending.
list.push(
  makeCase(
    'INIT: exits',
    watchdog,
    run(...APIC_ON, 'mov dword ptr [rbx + 0x300], 0x4500', '@wait:', 'jmp @wait'),
    enter(),
  ),
);

/** All cases of VM exits. */
export const exitCases = list;
