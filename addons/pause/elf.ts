/**
 * The sandbox process as a 160-byte static program: ignores SIGCHLD, so that orphans adopted in a shared process
 * namespace are reaped by the kernel, and then waits for ever. It stands in for the public pause image; a page of
 * memory per pod instead of a shell. x86-64 Linux only.
 */
export function pauseElf(): Buffer {
  const code = Buffer.from(
    [
      'b80d000000', // mov eax, 13            rt_sigaction
      'bf11000000', // mov edi, 17            SIGCHLD
      '488d3517000000', // lea rsi, [rip+0x17]    &act
      '31d2', // xor edx, edx           no old action
      '41ba08000000', // mov r10d, 8            sizeof sigset
      '0f05', // syscall
      'b822000000', // loop: mov eax, 34      pause
      '0f05', // syscall
      'ebf7', // jmp loop
      '90909090', // padding to 8 bytes
      '0100000000000000', // act: SIG_IGN
      '000000000000000000000000000000000000000000000000', // flags, restorer, mask
    ].join(''),
    'hex',
  )
  const headerBytes = 64 + 56
  const base = 0x400000
  const header = Buffer.alloc(headerBytes)
  header.write('\x7fELF', 0, 'latin1')
  header.set([2, 1, 1], 4) // 64 bit, little endian, version 1
  header.writeUInt16LE(2, 16) // ET_EXEC
  header.writeUInt16LE(62, 18) // EM_X86_64
  header.writeUInt32LE(1, 20)
  header.writeBigUInt64LE(BigInt(base + headerBytes), 24) // entry
  header.writeBigUInt64LE(64n, 32) // program headers
  header.writeUInt16LE(64, 52)
  header.writeUInt16LE(56, 54)
  header.writeUInt16LE(1, 56)
  const size = BigInt(headerBytes + code.length)
  header.writeUInt32LE(1, 64) // PT_LOAD
  header.writeUInt32LE(5, 68) // read, execute
  header.writeBigUInt64LE(BigInt(base), 80)
  header.writeBigUInt64LE(BigInt(base), 88)
  header.writeBigUInt64LE(size, 96)
  header.writeBigUInt64LE(size, 104)
  header.writeBigUInt64LE(0x1000n, 112)
  return Buffer.concat([header, code])
}
