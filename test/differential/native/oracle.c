// SPDX-License-Identifier: LGPL-2.1-only
// Executes instructions natively, in user mode, for the differential test of the CPU core (test/differential/).
//
// Reads a batch from standard input: u32 number of cases, u32 seed of the data pages, u32 number of LDT descriptors, u32 1 if they are needed,
// the descriptors (struct user_desc of modify_ldt), then cases of CASE_BYTES:
//   0 u32 flags (2 = load and return the FXSAVE image, 4 = 16- or 32-bit code with the segments at 152)   4 u32 offset in the code region
//   8 u32 length   12 u32 offset of the first instruction in CS (flag 4)
//   16 u64 RAX RCX RDX RBX RSP RBP RSI RDI R8 … R15   144 u64 RFLAGS   152 u16 CS SS DS ES   160 u8[96] instructions
//   256 u8[256] contents of the data window   512 u8[512] FXSAVE image
// Writes a u32 number of results, then results of 256 bytes, the FXSAVE image (if asked for) and the changed bytes, padded to 8:
//   0 u32 outcome (0 = ran to the end, 1 = exception, 2 = time is up)   4 u32 vector   8 u32 error code
//   12 u32 length of the changed bytes   16 the registers   144 u64 RFLAGS   152 u64 RIP   160 u64 CR2   168 u64 offset of the changed bytes
//   176 u16 CS SS DS ES FS GS (flag 4)
//
// 64-bit code is entered by IRETQ and left by a jump. Code with segments is entered by the system call sigreturn, because only the kernel can
// load all of ESP together with a 16-bit SS, and left by the INT3 after it. FS and GS are null there.
//
// Linear memory, the same in the simulated machine: CODE (16 pages, read and execute, filled with INT3), DATA (two writable pages, then a
// read-only one, no execution), nothing mapped around them. GS.base = GS_BASE, FS is the C library's and must not be used by a case.
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

enum { CODE = 0x11000000, CODE_BYTES = 0x10000, DATA = 0x12000000, WRITABLE = 0x2000, DATA_BYTES = 0x3000, GS_BASE = 0x12000800,
       WINDOW = 0xf80, WINDOW_BYTES = 0x100, WINDOW_END = WINDOW + WINDOW_BYTES, CASE_BYTES = 1024, RESULT_BYTES = 256, FLAG_FX = 2,
       FLAG_SEGMENTS = 4, MOST_DESCRIPTORS = 64, BREAKPOINT = 3 };

struct state { uint64_t gpr[16], rflags, rip; uint8_t fx[512] __attribute__((aligned(16))); };
struct result { uint32_t outcome, vector, error, changed; uint64_t gpr[16], rflags, rip, cr2, offset;
                uint16_t selectors[6]; uint8_t pad[68]; };

// What the assembly below reads and writes.
__attribute__((aligned(64), used)) struct state in, out;
__attribute__((used)) uint64_t host_rsp, want_fx, want_segments;
__attribute__((used)) uint16_t in_ds, in_es;
// What the kernel reads in sigreturn: the C library's ucontext_t begins as the kernel's does.
__attribute__((aligned(64), used)) ucontext_t frame;
void enter(void);
void enter_segments(void);
void leave(void);
void leave_fault(void);

// enter: loads the state by IRETQ, which also serialises. leave: where the instructions under test jump at their end.
__asm__(".text\n.globl enter, enter_segments, leave, leave_fault\n"
  "enter_segments: push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n mov %rsp, host_rsp(%rip)\n"
  " xor %eax, %eax\n mov %eax, %fs\n mov %eax, %gs\n mov in_ds(%rip), %ds\n mov in_es(%rip), %es\n"
  " lea frame(%rip), %rsp\n mov $15, %eax\n syscall\n"
  "enter: push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n mov %rsp, host_rsp(%rip)\n"
  " cmpq $0, want_fx(%rip)\n je 1f\n fxrstor64 in+144(%rip)\n1: mov %ss, %eax\n push %rax\n push in+32(%rip)\n push in+128(%rip)\n"
  " mov %cs, %eax\n push %rax\n push in+136(%rip)\n"
  " mov in(%rip), %rax\n mov in+8(%rip), %rcx\n mov in+16(%rip), %rdx\n mov in+24(%rip), %rbx\n mov in+40(%rip), %rbp\n"
  " mov in+48(%rip), %rsi\n mov in+56(%rip), %rdi\n mov in+64(%rip), %r8\n mov in+72(%rip), %r9\n mov in+80(%rip), %r10\n"
  " mov in+88(%rip), %r11\n mov in+96(%rip), %r12\n mov in+104(%rip), %r13\n mov in+112(%rip), %r14\n mov in+120(%rip), %r15\n iretq\n"
  "leave: mov %rax, out(%rip)\n mov %rcx, out+8(%rip)\n mov %rdx, out+16(%rip)\n mov %rbx, out+24(%rip)\n mov %rsp, out+32(%rip)\n"
  " mov %rbp, out+40(%rip)\n mov %rsi, out+48(%rip)\n mov %rdi, out+56(%rip)\n mov %r8, out+64(%rip)\n mov %r9, out+72(%rip)\n"
  " mov %r10, out+80(%rip)\n mov %r11, out+88(%rip)\n mov %r12, out+96(%rip)\n mov %r13, out+104(%rip)\n mov %r14, out+112(%rip)\n"
  " mov %r15, out+120(%rip)\n mov host_rsp(%rip), %rsp\n pushfq\n popq out+128(%rip)\n pushq $2\n popfq\n"
  " cmpq $0, want_fx(%rip)\n je leave_fault\n fxsave64 out+144(%rip)\n"
  "leave_fault: mov host_rsp(%rip), %rsp\n cld\n cmpq $0, want_fx(%rip)\n je 2f\n fninit\n ldmxcsr default_mxcsr(%rip)\n"
  "2: pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n"
  ".section .rodata\n default_mxcsr: .long 0x1f80\n.text\n");

static struct result result;
static uint64_t fs_base, segments_end;
static uint8_t *code, *pristine, *data = (uint8_t *)(uintptr_t)DATA;

static void fail(const char *what) { perror(what); exit(1); }

static long arch_prctl(int code, uint64_t address) {
  long status;
  __asm__ volatile("syscall" : "=a"(status) : "a"(SYS_arch_prctl), "D"(code), "S"(address) : "rcx", "r11", "memory");
  return status;
}

// Segment registers as 64-bit code of the C library needs them; a null FS or GS has lost its base. Before anything that may use FS.
static void leave_segments(void) {
  uint16_t ds, es, fs, gs;
  __asm__ volatile("mov %%ds, %0\n mov %%es, %1\n mov %%fs, %2\n mov %%gs, %3\n mov %4, %%ds\n mov %4, %%es\n mov %5, %%fs\n mov %5, %%gs"
                   : "=&r"(ds), "=&r"(es), "=&r"(fs), "=&r"(gs) : "r"(0x2b), "r"(0));
  arch_prctl(ARCH_SET_FS, fs_base);
  arch_prctl(ARCH_SET_GS, GS_BASE);
  result.selectors[2] = ds;
  result.selectors[3] = es;
  result.selectors[4] = fs;
  result.selectors[5] = gs;
}

// An exception: everything is in the signal frame. No sigreturn: signals are not blocked (SA_NODEFER), so a jump suffices.
static void caught(int signal, siginfo_t *info, void *context) {
  __asm__ volatile("pushq $2\n popfq" ::: "cc", "memory");
  if (want_segments) leave_segments();
  const ucontext_t *u = context;
  const greg_t *r = u->uc_mcontext.gregs;
  static const int order[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI, REG_R8, REG_R9, REG_R10, REG_R11,
                                 REG_R12, REG_R13, REG_R14, REG_R15 };
  (void)info;
  for (int i = 0; i < 16; i++) out.gpr[i] = r[order[i]];
  out.rflags = r[REG_EFL];
  out.rip = r[REG_RIP];
  result.outcome = signal == SIGPROF ? 2 : 1;
  result.vector = r[REG_TRAPNO];
  result.error = r[REG_ERR];
  result.cr2 = r[REG_CR2];
  if (want_fx) memcpy(out.fx, u->uc_mcontext.fpregs, 512);
  if (want_segments) {
    out.gpr[4] = (uint32_t)out.gpr[4]; // the kernel's own bits where it returned to a 16-bit SS, which such code cannot see
    const uint64_t selectors = r[REG_CSGSFS];
    result.selectors[0] = selectors;
    result.selectors[1] = selectors >> 48;
    if (result.vector == BREAKPOINT && out.rip == segments_end + 1) {
      result.outcome = result.vector = 0;
      out.rip = segments_end;
    }
  }
  __asm__ volatile("jmp leave_fault");
  __builtin_unreachable();
}

static void *map(uintptr_t at, size_t bytes, int protection, int file) {
  void *p = mmap((void *)at, bytes, protection, (file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED) | (at ? MAP_FIXED_NOREPLACE : 0) | MAP_POPULATE, file, 0);
  if (p == MAP_FAILED) fail("mmap");
  return p;
}

static void set_up(uint32_t seed) {
  const int file = memfd_create("code", 0);
  if (file < 0 || ftruncate(file, CODE_BYTES)) fail("memfd_create");
  code = map(0, CODE_BYTES, PROT_READ | PROT_WRITE, file);
  map(CODE, CODE_BYTES, PROT_READ | PROT_EXEC, file);
  memset(code, 0xcc, CODE_BYTES);
  map(DATA, DATA_BYTES, PROT_READ | PROT_WRITE, -1);
  pristine = map(0, DATA_BYTES, PROT_READ | PROT_WRITE, -1);
  for (int i = 0; i < DATA_BYTES; i++) {
    seed = seed * 1664525u + 1013904223u;
    pristine[i] = seed >> 24;
  }
  memcpy(data, pristine, DATA_BYTES);
  if (mprotect(data + WRITABLE, DATA_BYTES - WRITABLE, PROT_READ)) fail("mprotect");
  if (arch_prctl(ARCH_SET_GS, GS_BASE) || arch_prctl(ARCH_GET_FS, (uintptr_t)&fs_base)) fail("arch_prctl");
  const stack_t alternative = { .ss_sp = map(0, 0x20000, PROT_READ | PROT_WRITE, -1), .ss_size = 0x20000 };
  struct sigaction action = { .sa_sigaction = caught, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
  static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGPROF };
  if (sigaltstack(&alternative, NULL)) fail("sigaltstack");
  frame.uc_stack = alternative;
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    if (sigaction(signals[i], &action, NULL)) fail("sigaction");
  __asm__ volatile("mov %0, %%ds\n mov %0, %%es" ::"r"(0x2b));
}

static void set_up_descriptors(const struct user_desc *descriptors, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (syscall(SYS_modify_ldt, 0x11, &descriptors[i], sizeof *descriptors)) fail("modify_ldt");
}

// The state that sigreturn loads. UC_SIGCONTEXT_SS and UC_STRICT_RESTORE_SS: SS as well.
static void fill_frame(const uint16_t selectors[4], uint32_t offset) {
  static const int order[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI, REG_R8, REG_R9, REG_R10, REG_R11,
                                 REG_R12, REG_R13, REG_R14, REG_R15 };
  greg_t *r = frame.uc_mcontext.gregs;
  frame.uc_flags = 0x6;
  for (int i = 0; i < 16; i++) r[order[i]] = in.gpr[i];
  r[REG_EFL] = in.rflags;
  r[REG_RIP] = offset;
  r[REG_CSGSFS] = selectors[0] | (uint64_t)selectors[1] << 48;
  frame.uc_mcontext.fpregs = want_fx ? (void *)in.fx : NULL;
  in_ds = selectors[2];
  in_es = selectors[3];
}

static void run_case(const uint8_t *c) {
  const uint32_t *head = (const uint32_t *)c;
  uint8_t *at = code + head[1];
  uintptr_t linear = CODE + head[1];
  memset(&result, 0, sizeof result);
  want_fx = head[0] & FLAG_FX;
  want_segments = head[0] & FLAG_SEGMENTS;
  memcpy(at, c + 160, head[2]);
  if (!want_segments) {
    memcpy(at + head[2], "\xff\x25\0\0\0\0", 6);
    *(uint64_t *)(at + head[2] + 6) = (uintptr_t)leave;
  }
  memcpy(data + WINDOW, c + 256, WINDOW_BYTES);
  memcpy(in.gpr, c + 16, sizeof in.gpr);
  in.rflags = *(const uint64_t *)(c + 144);
  in.rip = linear;
  if (want_fx) memcpy(in.fx, c + 512, 512);
  out.rip = linear + head[2];
  segments_end = head[3] + head[2];
  if (want_segments) {
    fill_frame((const uint16_t *)(c + 152), head[3]);
    enter_segments();
  } else enter();
  memset(at, 0xcc, head[2] + 14);
  memcpy(result.gpr, out.gpr, sizeof out.gpr);
  result.rflags = out.rflags;
  result.rip = out.rip;
}

// Finds what changed in the writable pages, against pristine pages and the case's window. `expected` is pristine before and after.
static void find_changes(const uint8_t *c, uint8_t *expected) {
  memcpy(expected + WINDOW, c + 256, WINDOW_BYTES);
  if (memcmp(data, expected, WRITABLE)) {
    // most changes lie in the window
    int first = memcmp(data, expected, WINDOW) ? 0 : WINDOW;
    int last = memcmp(data + WINDOW_END, expected + WINDOW_END, WRITABLE - WINDOW_END) ? WRITABLE - 1 : WINDOW_END - 1;
    while (data[first] == expected[first]) first++;
    while (data[last] == expected[last]) last--;
    result.offset = first;
    result.changed = last - first + 1;
  }
  memcpy(expected + WINDOW, pristine + WINDOW, WINDOW_BYTES);
}

// Puts back what a case changed: its window, and what find_changes found.
static void restore(void) {
  memcpy(data + result.offset, pristine + result.offset, result.changed);
  memcpy(data + WINDOW, pristine + WINDOW, WINDOW_BYTES);
}

int main(void) {
  uint32_t head[4];
  static struct user_desc descriptors[MOST_DESCRIPTORS];
  static uint8_t expected[WRITABLE], zero[8];
  if (fread(head, 4, 4, stdin) != 4 || head[2] > MOST_DESCRIPTORS) return 2;
  if (fread(descriptors, sizeof *descriptors, head[2], stdin) != head[2]) return 2;
  uint8_t *cases = malloc((size_t)head[0] * CASE_BYTES);
  if (!cases || fread(cases, CASE_BYTES, head[0], stdin) != head[0]) return 2;
  set_up(head[1]);
  if (head[3]) set_up_descriptors(descriptors, head[2]);
  memcpy(expected, pristine, WRITABLE);
  fwrite(head, 4, 1, stdout);
  // of this process's own time, which a busy machine does not use up; again and again, for more than one case of a group
  const struct itimerval second = { .it_value = { .tv_sec = 1 }, .it_interval = { .tv_sec = 1 } };
  for (uint32_t i = 0; i < head[0]; i++) {
    const uint8_t *c = cases + (size_t)i * CASE_BYTES;
    if (i % 256 == 0) setitimer(ITIMER_PROF, &second, NULL);
    run_case(c);
    find_changes(c, expected);
    fwrite(&result, RESULT_BYTES, 1, stdout);
    if (want_fx) fwrite(out.fx, 512, 1, stdout);
    fwrite(data + result.offset, result.changed, 1, stdout);
    fwrite(zero, -result.changed & 7, 1, stdout);
    restore();
  }
  return 0;
}
