const { createTtsClient } = require('../../tts-client/miniprogram_dist')
const { Phone, problem } = require('../phone')

// 4 sentences; 0.2 s a character
const TEXT = '今天天气很好，我们一起去公园散步吧。路上有花。湖边有鸟！回家。'
let phone, client, reader, states

beforeEach(() => {
  jest.useFakeTimers({ now: 1_795_000_000_000 })
  phone = new Phone()
  client = createTtsClient({ baseUrl: 'https://tts.test', wx: phone })
  states = []
  reader = client.createReader((state) => states.push(state))
})
afterEach(() => {
  reader.destroy()
  jest.useRealTimers()
})

const pass = (ms) => jest.advanceTimersByTimeAsync(ms)
const said = () => phone.requests.map(({ data }) => data && data.text).filter(Boolean)

async function start(options = {}) {
  reader.load(TEXT, { voice: {}, ...options })
  reader.play()
  await pass(0)
}

test('reads piece after piece, the next one fetched while one is heard', async () => {
  await start()
  expect(reader.state.status).toBe('playing')
  expect(said()).toEqual(['今天天气很好，我们一起去公园散步吧。', '路上有花。湖边有鸟！回家。'])
  phone.context.end()
  await pass(0)
  expect(said()).toHaveLength(2)
  expect(phone.contexts.map(({ state }) => state)).toEqual(['destroyed', 'playing'])
  expect(reader.state).toMatchObject({ sentence: 1, exact: true })
  phone.context.end()
  expect(reader.state).toMatchObject({ status: 'ended', timeS: reader.state.durationS })
})

test('tells which character is heard, also between the platform\'s ticks', async () => {
  await start()
  await pass(1150)
  expect(TEXT.slice(reader.state.begin, reader.state.end)).toBe('好')
  await pass(400)
  expect(TEXT.slice(reader.state.begin, reader.state.end)).toBe('我')
  expect(reader.state.timeS).toBeCloseTo(1.5, 1)
})

test('speed moves the highlight with it', async () => {
  await start()
  reader.setRate(2)
  expect(phone.context.playbackRate).toBe(2)
  await pass(1000)
  expect(reader.state.timeS).toBeCloseTo(2, 1)
})

test('pauses, goes on where it was, and keeps its place when stopped by the system', async () => {
  await start()
  await pass(1000)
  reader.pause()
  expect(phone.context.state).toBe('paused')
  await pass(5000)
  expect(reader.state.timeS).toBeCloseTo(1, 1)
  reader.play()
  await pass(500)
  expect(phone.contexts).toHaveLength(1)
  expect(reader.state.timeS).toBeCloseTo(1.5, 1)
  phone.context.pause()
  expect(reader.state.status).toBe('paused')
})

test('seeks inside a piece without opening it again, and into one that is not there yet', async () => {
  await start()
  reader.seek(2)
  expect(phone.contexts).toHaveLength(1)
  expect(phone.context.currentTime).toBeCloseTo(2)
  reader.seek(4.5)
  await pass(0)
  expect(phone.contexts).toHaveLength(2)
  expect(reader.state.sentence).toBe(1)
  expect(phone.context.startTime).toBeCloseTo(4.5 - 18 * 0.2)
})

test('seeking while paused stays silent', async () => {
  await start()
  reader.pause()
  reader.seek(2)
  await pass(1000)
  expect(phone.context.state).toBe('destroyed')
  expect(reader.state).toMatchObject({ status: 'paused', timeS: 2 })
  reader.play()
  await pass(0)
  expect(phone.context.startTime).toBeCloseTo(2)
})

test('next and previous go by sentences; previous first to the start of this one', async () => {
  await start()
  reader.next()
  await pass(0)
  expect(reader.state.sentence).toBe(1)
  reader.next()
  await pass(0)
  expect(reader.state.sentence).toBe(2)
  expect(phone.context.currentTime).toBeCloseTo(5 * 0.2)
  await pass(1900)
  expect(reader.state.sentence).toBe(3)
  reader.previous()
  await pass(0)
  expect(reader.state.sentence).toBe(2)
  await pass(100)
  reader.previous()
  await pass(0)
  expect(reader.state.sentence).toBe(1)
  reader.jump(0)
  await pass(1700)
  reader.previous()
  await pass(0)
  expect(reader.state).toMatchObject({ sentence: 0, status: 'playing' })
  expect(phone.context.currentTime).toBeCloseTo(0)
  reader.jump(3)
  await pass(0)
  reader.next()
  expect(reader.state.sentence).toBe(3)
})

test('only the last of several wishes is acted upon', async () => {
  reader.load(TEXT, { voice: {} })
  reader.play()
  reader.jump(3)
  reader.jump(1)
  await pass(10)
  expect(phone.contexts).toHaveLength(1)
  expect(reader.state).toMatchObject({ status: 'playing', sentence: 1 })
})

test('pausing while it loads is silence', async () => {
  reader.load(TEXT, { voice: {} })
  reader.play()
  reader.pause()
  await pass(1000)
  expect(phone.contexts).toHaveLength(0)
  expect(reader.state.status).toBe('paused')
  reader.play()
  await pass(0)
  expect(reader.state.status).toBe('playing')
})

test('one reader is heard at a time', async () => {
  await start()
  const other = client.createReader(() => undefined)
  other.load('别的文章。', { voice: {} })
  other.play()
  await pass(0)
  expect(reader.state.status).toBe('paused')
  expect(phone.contexts.filter(({ state }) => state === 'playing')).toHaveLength(1)
  other.destroy()
})

test('after a call the sentence is read again; after a pause by hand it is not', async () => {
  await start()
  await pass(1500)
  phone.context.pause() // some phones pause the sound first,
  phone.call() // and tell why afterwards
  await pass(60000)
  expect(phone.contexts.some(({ state }) => state === 'playing')).toBe(false)
  phone.hangUp()
  await pass(0)
  expect(reader.state).toMatchObject({ status: 'playing', sentence: 0 })
  expect(phone.context.startTime).toBe(0)
  reader.pause()
  phone.call()
  await pass(60000)
  phone.hangUp()
  await pass(0)
  expect(reader.state.status).toBe('paused')
})

test('a file that does not play is fetched once more, then it is an error that can be retried', async () => {
  await start()
  await pass(800)
  phone.context.emit('Error', { errCode: 10003, errMsg: 'file' })
  await pass(100)
  expect(said().filter((text) => text.startsWith('今天'))).toHaveLength(2)
  expect(phone.context.startTime).toBeCloseTo(0.8, 1)
  expect(reader.state.status).toBe('playing')
  phone.context.emit('Error', { errCode: 10003, errMsg: 'file' })
  expect(reader.state).toMatchObject({ status: 'error', error: { code: 'unplayable' } })
  expect(reader.state.error.message).toContain('文件')
  reader.retry()
  await pass(0)
  expect(reader.state).toMatchObject({ status: 'playing', error: undefined })
})

test('a server that refuses is an error with its sentence, and the place is kept', async () => {
  await start()
  phone.answer = ({ data }) => (data && data.text ? problem(422, 'unknown_voice', '没有这个音色。') : { status: 200, data: {} })
  reader.load('别的一段话。', { voice: { speaker: 'x' } })
  reader.play()
  await pass(0)
  expect(reader.state).toMatchObject({ status: 'error', error: { code: 'unknown_voice', message: '没有这个音色。' } })
})

test('in the background links are played, one manager for all, and the lock screen steers', async () => {
  await start({ background: true, title: '新闻' })
  expect(phone.manager.title).toBe('新闻')
  expect(phone.manager.sources).toEqual([expect.stringMatching(/^https:\/\/tts\.test\/audio\/1\.mp3/)])
  expect(phone.downloads).toBe(0)
  phone.manager.emit('Next')
  await pass(0)
  expect(reader.state.sentence).toBe(1)
  phone.manager.emit('Stop')
  expect(reader.state.status).toBe('paused')
  phone.manager.play()
  expect(reader.state.status).toBe('playing')
  phone.manager.emit('Ended')
  expect(reader.state.status).toBe('ended')
})

test('a link that expired during a long pause is asked for anew', async () => {
  await start({ background: true, title: '新闻' })
  await pass(100)
  phone.manager.emit('Ended')
  await pass(0)
  const before = phone.manager.sources.length
  reader.pause()
  await pass(2 * 3600e3)
  reader.jump(0)
  await pass(0)
  expect(phone.manager.sources.slice(before)).toHaveLength(1)
  expect(new Set(phone.manager.sources).size).toBe(phone.manager.sources.length)
})

test('100,000 characters begin at once and ask for two pieces only', async () => {
  const long = '春天来了，院子里的花都开了。'.repeat(7200)
  reader.load(long, { voice: {} })
  expect(reader.sentences).toHaveLength(7200)
  reader.play()
  await pass(0)
  expect(reader.state.status).toBe('playing')
  expect(said()).toHaveLength(2)
  reader.jump(7199)
  await pass(0)
  expect(reader.state.sentence).toBe(7199)
  expect(said()).toHaveLength(3)
})

describe('speak', () => {
  test('resolves when it has been heard', async () => {
    const onPlay = jest.fn()
    const done = jest.fn()
    client.speak('你好。', { onPlay }).then(done)
    await pass(0)
    expect(onPlay).toHaveBeenCalledTimes(1)
    expect(done).not.toHaveBeenCalled()
    phone.context.end()
    await pass(0)
    expect(done).toHaveBeenCalledTimes(1)
  })

  test('ends the one before, and stop ends all', async () => {
    const first = client.speak('第一句话。').catch((error) => error.code)
    await pass(0)
    const second = client.speak('第二句话。').catch((error) => error.code)
    expect(await first).toBe('cancelled')
    await pass(0)
    expect(phone.contexts.map(({ state }) => state)).toEqual(['destroyed', 'playing'])
    client.stop()
    expect(await second).toBe('cancelled')
    expect(phone.context.state).toBe('destroyed')
  })

  test('gives way to a reader', async () => {
    const speaking = client.speak('一句话。').catch((error) => error.code)
    await pass(0)
    await start()
    expect(await speaking).toBe('cancelled')
    expect(reader.state.status).toBe('playing')
  })

  test('that ends in the moment it begins leaves nothing running', async () => {
    const done = client.speak('短。', { onPlay: () => phone.context.end() })
    await pass(0)
    await done
    expect(jest.getTimerCount()).toBe(1) // the index of the cache, which is written soon
  })

  test('of nothing says so', async () => {
    await expect(client.speak('')).rejects.toMatchObject({ code: 'empty_text' })
  })
})

test('the phone\'s mute switch does not silence a reader for the blind', () => {
  expect(phone.audioOption).toMatchObject({ obeyMuteSwitch: false })
})
