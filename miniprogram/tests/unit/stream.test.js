const { createTtsClient } = require('../../tts-client/miniprogram_dist')
const { Phone, problem, settle } = require('../phone')

const TEXT = '😀你好。再见。'
let phone, client, sources

function frame(type, payload) {
  const bytes = Buffer.alloc(5 + payload.length)
  bytes.write(type, 'latin1')
  bytes.writeUInt32LE(payload.length, 1)
  Buffer.from(payload).copy(bytes, 5)
  return bytes
}
const json = (value) => frame('J', Buffer.from(JSON.stringify(value)))
const sound = (count) => frame('A', Buffer.from(new Int16Array(count).fill(1000).buffer))
const timing = (begin, end) => ({ begin_ms: 0, end_ms: 100, begin, end, text: 'x' })
const BYTES = Buffer.concat([
  json({ sample_rate: 22050, encoding: 'pcm_s16le' }),
  json({ timings: [timing(1, 3)], warnings: [{ begin: 0, end: 1, text: '😀', message: '没有读' }], progress: 0.5 }),
  sound(2205),
  json({ timings: [timing(4, 6)], warnings: [], progress: 1 }),
  sound(4410),
  frame('Z', []),
])

/** The answer to `/tts/stream`: bytes in chunks of `size`, then the end. */
function streaming(bytes, size, whole = false) {
  return (request) => {
    if (!request.url.endsWith('/tts/stream')) return phone.speechServer(request)
    if (whole) return { status: 200, data: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) }
    for (let at = 0; at < bytes.length; at += size) {
      const part = bytes.subarray(at, at + size)
      request.onChunk({ data: part.buffer.slice(part.byteOffset, part.byteOffset + part.length) })
    }
    return { status: 200, data: new ArrayBuffer(0) }
  }
}

beforeEach(() => {
  jest.useFakeTimers({ now: 1_795_000_000_000 })
  phone = new Phone()
  sources = []
  const exchange = phone.request
  phone.request = (options) => {
    const task = exchange(options)
    const request = phone.requests[phone.requests.length - 1]
    return { ...task, onChunkReceived: (listener) => (request.onChunk = listener) }
  }
  phone.createWebAudioContext = () => ({
    currentTime: 0,
    destination: 'ears',
    closed: false,
    createBuffer: (channels, length, sampleRate) => ({ length, sampleRate, copyToChannel: (data) => (sources.samples = data) }),
    createBufferSource: () => {
      const source = { connect: (to) => (source.to = to), start: (at) => sources.push({ at, length: source.buffer.length }) }
      return source
    },
    close: () => (sources.closed = true),
  })
  client = createTtsClient({ baseUrl: 'https://tts.test', wx: phone })
})
afterEach(() => jest.useRealTimers())

test.each([1, 7, 4096, 1e6])('in chunks of %d bytes each sentence comes with its timings', async (size) => {
  phone.answer = streaming(BYTES, size)
  const pieces = []
  const end = await client.stream(TEXT, { onPiece: (piece) => pieces.push(piece) })
  expect(pieces.map(({ timings: [{ begin, end: to }] }) => TEXT.slice(begin, to))).toEqual(['你好', '再见'])
  expect(pieces[0].warnings).toEqual([{ begin: 0, end: 2, text: '😀', message: '没有读' }])
  expect(pieces.map(({ pcm }) => pcm.byteLength)).toEqual([4410, 8820])
  expect(end).toEqual({ pieces: 2, durationS: 6615 / 22050 })
})

test('where the platform knows no chunks everything comes at the end', async () => {
  phone.answer = streaming(BYTES, 0, true)
  expect(await client.stream(TEXT, {})).toMatchObject({ pieces: 2 })
})

test('is heard without a gap: each piece begins where the last one ends', async () => {
  phone.answer = streaming(BYTES, 100)
  const task = client.stream(TEXT, { play: true })
  await settle()
  expect(sources).toHaveLength(2)
  expect(sources[1].at - sources[0].at).toBeCloseTo(0.1, 9)
  expect(sources.samples[0]).toBeCloseTo(1000 / 32768)
  expect(sources.closed).toBeUndefined()
  await jest.advanceTimersByTimeAsync(500)
  await task
  expect(sources.closed).toBe(true)
})

test('stop silences it', async () => {
  phone.answer = streaming(BYTES, 100)
  const task = client.stream(TEXT, { play: true })
  await settle()
  client.stop()
  await expect(task).rejects.toMatchObject({ code: 'cancelled' })
  expect(sources.closed).toBe(true)
})

test('a problem instead of frames is that problem', async () => {
  const body = Buffer.from(JSON.stringify(problem(422, 'unknown_voice', '没有这个音色。').data))
  phone.answer = (request) => {
    if (!request.url.endsWith('/tts/stream')) return phone.speechServer(request)
    for (const byte of body) request.onChunk({ data: new Uint8Array([byte]).buffer })
    return { status: 422, data: new ArrayBuffer(0) }
  }
  await expect(client.stream(TEXT, {})).rejects.toMatchObject({ code: 'unknown_voice', message: '没有这个音色。', status: 422 })
})

test('broken before anything was heard it is asked for again, afterwards not', async () => {
  const opening = BYTES.subarray(0, 30)
  let tries = 0
  phone.answer = (request) => (request.url.endsWith('/tts/stream') && (tries += 1) === 1 ? streaming(opening, 10)(request) : streaming(BYTES, 500)(request))
  const again = client.stream(TEXT, {})
  await jest.advanceTimersByTimeAsync(2000)
  expect(await again).toMatchObject({ pieces: 2 })
  expect(tries).toBe(2)
  phone.answer = streaming(BYTES.subarray(0, BYTES.length - 5), 500)
  const heard = []
  const broken = client.stream(TEXT, { onPiece: (piece) => heard.push(piece) })
  broken.catch(() => undefined)
  await jest.advanceTimersByTimeAsync(60000)
  await expect(broken).rejects.toMatchObject({ code: 'stream_broken' })
  expect(heard).toHaveLength(2)
})

test('an error in the middle is the engine\'s own sentence', async () => {
  const failing = Buffer.concat([BYTES.subarray(0, BYTES.length - 5), frame('E', Buffer.from(JSON.stringify({ status: 504, code: 'engine_timeout', detail: '超时。', request_id: 'r9' })))])
  phone.answer = streaming(failing, 64)
  await expect(client.stream(TEXT, {})).rejects.toMatchObject({ code: 'engine_timeout', requestId: 'r9', message: '超时。' })
})
