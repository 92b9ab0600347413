const fc = require('fast-check')
const { FrameParser } = require('../../tts-client/miniprogram_dist')

const RUNS = { numRuns: 200 }
const kinds = fc.constantFrom('J', 'A')
const frames = fc.array(fc.record({ type: kinds, payload: fc.uint8Array({ maxLength: 300 }) }), { maxLength: 12 })

function frame({ type, payload }) {
  const bytes = new Uint8Array(5 + payload.length)
  bytes[0] = type.charCodeAt(0)
  new DataView(bytes.buffer).setUint32(1, payload.length, true)
  bytes.set(payload, 5)
  return bytes
}

const END = { type: 'Z', payload: new Uint8Array(0) }
const join = (list) => Buffer.concat(list.map(frame))

/** Cut at the given places, wherever they fall. */
function cut(bytes, places) {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [...at, bytes.length].map((end, n) => {
    const part = bytes.subarray(n ? at[n - 1] : 0, end)
    return part.buffer.slice(part.byteOffset, part.byteOffset + part.length)
  })
}

function parse(chunks) {
  const parser = new FrameParser()
  const read = chunks.flatMap((chunk) => parser.push(chunk))
  parser.close()
  return read
}

const plain = (list) => list.map(({ type, payload }) => [type, [...payload]])

test('frames come out as they went in, however the bytes were cut', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.nat(), { maxLength: 40 }), (list, places) => {
      const whole = [...list, END]
      expect(plain(parse(cut(join(whole), places)))).toEqual(plain(whole))
    }),
    RUNS,
  )
})

test('one byte at a time is enough', () => {
  const whole = [{ type: 'J', payload: Buffer.from('{"a":"你好"}') }, { type: 'A', payload: new Uint8Array(1000).fill(7) }, END]
  const bytes = join(whole)
  expect(plain(parse([...bytes].map((byte) => new Uint8Array([byte]).buffer)))).toEqual(plain(whole))
})

test('a stream that ends early is an error, wherever it was cut', () => {
  fc.assert(
    fc.property(frames, fc.nat(), (list, place) => {
      const bytes = join([...list, END])
      const short = bytes.subarray(0, place % bytes.length)
      const buffer = short.buffer.slice(short.byteOffset, short.byteOffset + short.length)
      expect(() => parse([buffer])).toThrow(expect.objectContaining({ code: 'stream_broken', passing: true }))
    }),
    RUNS,
  )
})

test('bytes that are no frame are refused, and never held without limit', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 5, maxLength: 200 }), (bytes) => {
      fc.pre(!'JAEZ'.includes(String.fromCharCode(bytes[0])))
      expect(() => new FrameParser().push(bytes.buffer.slice(0))).toThrow(expect.objectContaining({ code: 'stream_broken' }))
    }),
    RUNS,
  )
  const huge = frame({ type: 'A', payload: new Uint8Array(0) })
  new DataView(huge.buffer).setUint32(1, 0xffffffff, true)
  expect(() => new FrameParser().push(huge.buffer)).toThrow(expect.objectContaining({ code: 'stream_broken' }))
})

test('bytes after the end are refused', () => {
  const parser = new FrameParser()
  parser.push(frame(END).buffer)
  expect(() => parser.push(new Uint8Array([1]).buffer)).toThrow(expect.objectContaining({ code: 'stream_broken' }))
})

test('a buffer that the platform uses again does not spoil what was read', () => {
  const parser = new FrameParser()
  const bytes = frame({ type: 'A', payload: new Uint8Array([1, 2, 3]) })
  const shared = new Uint8Array(4)
  shared.set(bytes.subarray(0, 4))
  parser.push(shared.buffer)
  shared.set(bytes.subarray(4))
  const read = parser.push(shared.buffer)
  expect(plain(read)).toEqual([['A', [1, 2, 3]]])
})

test('a minute of sound in small chunks is read in linear time', () => {
  const sound = { type: 'A', payload: new Uint8Array(2_600_000).fill(1) }
  const bytes = join([sound, END])
  const parser = new FrameParser()
  const begun = process.hrtime.bigint()
  for (let at = 0; at < bytes.length; at += 500) parser.push(bytes.buffer.slice(bytes.byteOffset + at, bytes.byteOffset + Math.min(bytes.length, at + 500)))
  expect(parser.ended).toBe(true)
  expect(Number(process.hrtime.bigint() - begun) / 1e9).toBeLessThan(2)
})
