/** The stream's frames: type (1 byte), length (u32 little-endian), payload. Chunks may cut them anywhere. */

import { TtsError } from './errors'

export interface Frame {
  /** `J` JSON, `A` audio, `E` problem, `Z` end. */
  type: string
  payload: Uint8Array
}

const HEAD = 5
const TYPES = 'JAEZ'
const MAX_PAYLOAD = 64 << 20

/** Collects bytes and hands out each frame once it is whole. */
export class FrameParser {
  private _chunks: Uint8Array[] = []
  private _held = 0
  ended = false

  /** Frames that `chunk` completes. Throws on what is no frame, and on bytes after the end. */
  push(chunk: ArrayBuffer): Frame[] {
    if (chunk.byteLength) this._chunks.push(new Uint8Array(chunk.slice(0))) // the platform may reuse its buffer
    this._held += chunk.byteLength
    const frames: Frame[] = []
    for (let frame = this._next(); frame; frame = this._next()) frames.push(frame)
    if (this.ended && this._held) throw broken()
    return frames
  }

  /** The connection has closed. Throws unless the stream was complete. */
  close(): void {
    if (!this.ended) throw broken()
  }

  private _next(): Frame | undefined {
    if (this.ended || this._held < HEAD) return undefined
    const head = this._peek(HEAD)
    const type = String.fromCharCode(head[0] as number)
    const length = new DataView(head.buffer, head.byteOffset, HEAD).getUint32(1, true)
    if (!TYPES.includes(type) || length > MAX_PAYLOAD) throw broken()
    if (this._held < HEAD + length) return undefined
    this._take(HEAD)
    this.ended = type === 'Z'
    return { type, payload: this._take(length) }
  }

  private _peek(size: number): Uint8Array {
    const first = this._chunks[0]
    if (!first || first.length < size) this._chunks = [concat(this._chunks)]
    return (this._chunks[0] as Uint8Array).subarray(0, size)
  }

  // joined once a frame is whole, not at every chunk: that would cost the square of a frame's size
  private _take(size: number): Uint8Array {
    const taken = new Uint8Array(size)
    for (let at = 0; at < size; ) {
      const chunk = this._chunks[0] as Uint8Array
      const part = chunk.subarray(0, size - at)
      taken.set(part, at)
      at += part.length
      if (part.length === chunk.length) this._chunks.shift()
      else this._chunks[0] = chunk.subarray(part.length)
    }
    this._held -= size
    return taken
  }
}

/** UTF-8 bytes as a string; `TextDecoder` is not on every phone. */
export function decodeUtf8(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at] as number
    const more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3
    let point = more ? lead & (0x3f >> more) : lead
    for (let n = 1; n <= more; n += 1) point = (point << 6) | ((bytes[at + n] as number) & 0x3f)
    text += String.fromCodePoint(point)
    at += more + 1
  }
  return text
}

export function concat(chunks: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

function broken(): TtsError {
  return new TtsError('stream_broken', '声音没有传完：请再试一次。', { passing: true })
}
