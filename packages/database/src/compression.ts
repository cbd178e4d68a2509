import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

// Level 1 takes two thirds of the time of the default and a few bytes more.
const params = { [constants.ZSTD_c_compressionLevel]: 1 };

/** Bytes of each buffer for output; see `unpooled`. */
const chunkSize = 4096;

/** Where texts become bytes: one buffer for all, since what a call was given lasts as long as what it made. */
let scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** The text by zstd, in base64. */
export function compressText(text: string): string {
  // No UTF-16 unit takes more than three bytes in UTF-8.
  const most = text.length * 3;
  if (scratch.length < most) scratch = Buffer.allocUnsafeSlow(most);
  const bytes = scratch.subarray(0, scratch.write(text));
  return unpooled(() => zstdCompressSync(bytes, { params, chunkSize })).toString('base64');
}

/** The bytes of a text from `compressText`. */
export function decompressText(compressed: string): Buffer {
  const bytes = Buffer.from(compressed, 'base64');
  return unpooled(() => zstdDecompressSync(bytes, { chunkSize }));
}

/**
 * What Node's zlib makes for a call lasts until the next full collection, with the buffer that its output went to. If that is
 * a slice of the pool for small buffers, so does a whole pool of 64 KiB, with whatever else is in it: at hundreds of calls a
 * second that alone made full collections necessary every few seconds.
 */
function unpooled<Result>(call: () => Result): Result {
  const { poolSize } = Buffer;
  Buffer.poolSize = 0;
  try {
    return call();
  } finally {
    Buffer.poolSize = poolSize;
  }
}
