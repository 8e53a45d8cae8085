// SPDX-License-Identifier: LGPL-2.1-only
// Programs of Debian that the guest `debian-disk` runs, and one of integers as embedded benchmarks have them: lists, a matrix, a state machine, a checksum.

/** In C, on the guest's disk as integer.c. */
const INTEGER_C = String.raw`
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
typedef struct node { struct node *next; unsigned value; } node;
static node nodes[512];
static short a[32][32], b[32][32];
static int c[32][32];
static unsigned crc(unsigned crc, unsigned char byte) {
  crc ^= byte;
  for (int i = 0; i < 8; i++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
  return crc;
}
static unsigned numbers(const char *text) {
  enum { START, INTEGER, FRACTION, EXPONENT, WRONG } state = START;
  unsigned found = 0;
  for (; *text; text++) {
    char each = *text;
    if (each == ',') { found = found * 5 + state; state = START; continue; }
    int digit = each >= '0' && each <= '9';
    switch (state) {
      case START: state = digit ? INTEGER : each == '.' ? FRACTION : WRONG; break;
      case INTEGER: state = digit ? INTEGER : each == '.' ? FRACTION : WRONG; break;
      case FRACTION: state = digit ? FRACTION : each == 'e' ? EXPONENT : WRONG; break;
      case EXPONENT: state = digit ? EXPONENT : WRONG; break;
      case WRONG: break;
    }
  }
  return found;
}
int main(int count, char **words) {
  int rounds = count > 1 ? atoi(words[1]) : 1;
  unsigned sum = ~0u;
  const char *text = "5012,1234,-874,+122,35.54400,.1234500,-110.700,+0.64400,5.500e3,-.123e-2,-87e+832,+0.6e-12,T0.3e-1F,-T.T++Tq,1T3.4e4z,34.0e-T^,";
  for (int i = 0; i < 512; i++) nodes[i] = (node){ i < 511 ? nodes + i + 1 : 0, (i * 7919u) & 0xffff };
  node *head = nodes;
  for (int i = 0; i < 32; i++) for (int j = 0; j < 32; j++) { a[i][j] = i * j + 1; b[i][j] = i - j; }
  for (int round = 0; round < rounds; round++) {
    node *reversed = 0;
    while (head) { node *next = head->next; head->next = reversed; reversed = head; head = next; }
    head = reversed;
    for (node *each = head; each; each = each->next) sum = crc(sum, each->value >> (round & 7));
    for (int i = 0; i < 32; i++) for (int j = 0; j < 32; j++) {
      int cell = 0;
      for (int k = 0; k < 32; k++) cell += a[i][k] * b[k][j];
      c[i][j] = cell + round;
    }
    for (int i = 0; i < 32; i++) sum = crc(sum, c[i][31 - i]);
    sum = crc(sum, numbers(text));
  }
  printf("%08x\n", sum);
}
`;

/** The same, line by line for a here-document. */
export const WRITE_SOURCES = `cat >integer.c <<'END'\n${INTEGER_C.trim()}\nEND\n`;

const PERL =
  'my %h; for my $i (1..300000) { $h{$i % 5003} .= chr(65 + $i % 26); } my $n = 0; for (sort keys %h) { $n += length; $n += 3 while $h{$_} =~ /[AEIOU]./g } print "$n\\n"';
const SQLITE = [
  'import sqlite3',
  "d = sqlite3.connect(':memory:')",
  "d.execute('create table t (a integer primary key, b integer, c text)')",
  "d.executemany('insert into t values (?, ?, ?)', ((i, i * 7919 % 10007, str(i)) for i in range(60000)))",
  "d.execute('create index i on t (b)')",
  "print(d.execute('select sum(x.a + length(y.c)) from t x join t y on x.b = y.b where x.a % 7 = 0').fetchone())",
].join('; ');
const ZLIB = [
  'import zlib',
  "b = b''.join(b'%d:%d;' % (i, i * i % 65521) for i in range(250000))",
  'c = zlib.compress(b, 6)',
  'print(len(c), zlib.crc32(zlib.decompress(c)))',
].join('; ');

/** What is typed for each program. */
export const programs = {
  gcc: 'gcc -O2 integer.c -o integer',
  integer: './integer 4000',
  sha256: 'head -c 48M /dev/zero | sha256sum',
  zlib: `python3 -c "${ZLIB}"`,
  sqlite: `python3 -c "${SQLITE}"`,
  perl: `perl -e '${PERL}'`,
};
