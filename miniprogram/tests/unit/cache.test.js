const { createTtsClient } = require('../../tts-client/miniprogram_dist')
const { Phone } = require('../phone')

const INDEX = 'tts-cache-index'
let phone

beforeEach(() => {
  jest.useFakeTimers({ now: 1_795_000_000_000 })
  phone = new Phone()
})
afterEach(() => jest.useRealTimers())

const open = (options) => createTtsClient({ baseUrl: 'https://tts.test', wx: phone, ...options })

async function say(client, ...texts) {
  const clips = []
  for (const text of texts) {
    const task = client.synthesize(text)
    await jest.advanceTimersByTimeAsync(1000)
    clips.push(await task)
  }
  return clips
}

test('a sound once fetched needs no network, with its timings, in the next run too', async () => {
  const [first] = await say(open(), '你好𠮷')
  const before = phone.requests.length
  const [again] = await say(open(), '你好𠮷')
  expect(phone.requests).toHaveLength(before)
  expect(again).toMatchObject({ path: first.path, cached: 'phone', durationS: first.durationS })
  expect(again.timings).toEqual(first.timings)
  expect(first.path).toMatch(/^wxfile:\/\/usr\/tts-cache\/\w+\.mp3$/)
})

test('positions count as JavaScript does, beyond the basic plane too', async () => {
  const text = '𠮷野家😀好'
  const [clip] = await say(open(), text)
  expect(clip.timings.map(({ begin, end }) => text.slice(begin, end))).toEqual(['𠮷', '野', '家', '😀', '好'])
})

test('the least recently used sound goes first', async () => {
  const client = open({ cacheMb: 0.0035 })
  await say(client, '一', '二', '三', '一', '四')
  expect(phone.kept()).toHaveLength(3)
  const before = phone.made
  await say(client, '一', '三', '四')
  expect(phone.made).toBe(before)
  phone.requests = []
  await say(client, '二')
  expect(phone.requests.some(({ url }) => url.includes('/audio/'))).toBe(true)
})

test('a full phone costs old sounds, not the new one', async () => {
  const client = open()
  await say(client, '一', '二', '三', '四')
  phone.quotaBytes = [...phone.files].reduce((sum, [path, text]) => sum + (path.startsWith('wxfile://usr') ? text.length : 0), 0)
  const [clip] = await say(client, '五')
  expect(clip.path).toMatch(/^wxfile:\/\/usr/)
  expect(phone.files.has(clip.path)).toBe(true)
  expect(phone.kept()).toHaveLength(3)
})

test('a phone with no room at all still plays', async () => {
  phone.quotaBytes = 0
  const [clip] = await say(open(), '你好')
  expect(clip.path).toMatch(/^wxfile:\/\/tmp/)
  expect(phone.files.has(clip.path)).toBe(true)
  expect(phone.files.size).toBe(1)
})

test('a file that the system removed is fetched again', async () => {
  const client = open()
  const [clip] = await say(client, '你好')
  phone.files.delete(clip.path)
  const [again] = await say(client, '你好')
  expect(phone.files.has(again.path)).toBe(true)
  expect(phone.downloads).toBe(2)
})

test('a half-written note does not count', async () => {
  const client = open()
  const [clip] = await say(client, '你好')
  phone.files.set(`${clip.path}.json`, '{"key": "')
  const [again] = await say(client, '你好')
  expect(again.timings).toHaveLength(2)
  expect(again.cached).not.toBe('phone')
})

test('another text under the same name is not taken for it', async () => {
  const client = open()
  const [clip] = await say(client, '你好')
  const note = JSON.parse(phone.files.get(`${clip.path}.json`))
  phone.files.set(`${clip.path}.json`, JSON.stringify({ ...note, key: 'something else' }))
  const [again] = await say(client, '你好')
  expect(again.cached).not.toBe('phone')
})

test('what an earlier run left behind is swept away, and a lost index loses only time', async () => {
  await say(open(), '一', '二')
  phone.files.set('wxfile://usr/tts-cache/orphan.mp3', 'x')
  phone.files.set('wxfile://usr/other.txt', 'not ours')
  const next = open()
  await say(next, '一')
  expect(phone.files.has('wxfile://usr/tts-cache/orphan.mp3')).toBe(false)
  expect(phone.files.has('wxfile://usr/other.txt')).toBe(true)
  expect(phone.kept().filter((path) => path.includes('tts-cache'))).toHaveLength(2)
  phone.storage.set(INDEX, { text: '"rubbish"', encrypt: false })
  const [clip] = await say(open(), '一')
  expect(phone.files.has(clip.path)).toBe(true)
  expect(phone.kept().filter((path) => path.includes('tts-cache'))).toHaveLength(1)
})

test('a sound is made anew after its days are over', async () => {
  const client = open({ cacheDays: 1 })
  await say(client, '你好')
  jest.setSystemTime(Date.now() + 86400e3 + 1)
  await say(client, '你好')
  expect(phone.made).toBe(2)
})

test('clear leaves nothing', async () => {
  const client = open()
  await say(client, '一', '二')
  expect(await client.cache.bytes()).toBe(2000)
  await client.cache.clear()
  await jest.advanceTimersByTimeAsync(1000)
  expect(await client.cache.bytes()).toBe(0)
  expect(phone.kept()).toEqual([])
  expect(JSON.parse(phone.storage.get(INDEX).text)).toEqual({})
})

test('a link whose file the server has removed meanwhile is asked for anew', async () => {
  const client = open()
  const [clip] = await say(client, '你好')
  phone.files.delete(clip.path)
  const good = phone.downloadFile
  phone.downloadFile = (options) => {
    if (options.url !== clip.url) return good(options)
    options.success({ statusCode: 404, tempFilePath: 'wxfile://tmp/error.json' })
    return { abort() {} }
  }
  const [again] = await say(client, '你好')
  expect(again.url).not.toBe(clip.url)
  expect(phone.files.has(again.path)).toBe(true)
})
