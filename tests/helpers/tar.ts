export type ImageFile =
  | { readonly path: string; readonly content: Buffer; readonly mode?: number }
  | { readonly path: string; readonly link: string }
  | { readonly path: string; readonly directory: true; readonly mode?: number }

const BLOCK_BYTES = 512

/** A POSIX ustar archive, owned by root, with a fixed time: the same files give the same bytes. */
export function tarOf(files: readonly ImageFile[]): Buffer {
  const parts: Buffer[] = []
  for (const file of files) {
    const content = 'content' in file ? file.content : Buffer.alloc(0)
    parts.push(headerOf(file, content.length), content, Buffer.alloc((BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES))
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK_BYTES)])
}

function headerOf(file: ImageFile, size: number): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES)
  const octal = (value: number, at: number, length: number): void => {
    header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'ascii')
  }
  const isDirectory = 'directory' in file
  header.write(isDirectory ? `${file.path}/` : file.path, 0, 100, 'utf8')
  octal(modeOf(file), 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(size, 124, 12)
  octal(1_700_000_000, 136, 12)
  header.fill(' ', 148, 156)
  header.write('link' in file ? '2' : isDirectory ? '5' : '0', 156, 'ascii')
  if ('link' in file) header.write(file.link, 157, 100, 'utf8')
  header.write('ustar\x0000', 257, 'binary')
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  )
  header[155] = 0x20
  return header
}

function modeOf(file: ImageFile): number {
  const given = 'mode' in file ? file.mode : undefined
  return given ?? ('directory' in file ? 0o755 : 0o644)
}
