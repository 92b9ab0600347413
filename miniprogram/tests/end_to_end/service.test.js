// The client against the real HTTPS proxy, engine and worker; only WeChat is a stand-in.

const fs = require('node:fs')
const path = require('node:path')
const { createTtsClient } = require('../../tts-client/miniprogram_dist')
const { Servers, obstacle } = require('./servers')
const { RealPhone } = require('./shim')

const why = obstacle()
if (why) console.warn(`跳过端到端测试：${why}`)
const suite = why ? describe.skip : describe

jest.setTimeout(90000)

suite('over real HTTPS', () => {
  let servers, opening
  const phones = []

  beforeAll(async () => {
    servers = new Servers()
    opening = await servers.ready()
  }, 600000) // seconds on an idle machine, minutes on a busy one

  afterAll(async () => {
    phones.forEach((phone) => phone.close())
    if (servers) await servers.stop()
  }, 60000)

  function user(openid, options = {}) {
    const phone = new RealPhone({ ...opening, code: () => servers.do('code', openid) })
    phones.push(phone)
    const client = () => createTtsClient({ baseUrl: opening.url, wx: phone, ...options })
    return { phone, client: client(), again: client }
  }

  test('login, and a sentence that can be played', async () => {
    const { phone, client } = user('oABC-mini-program-user-first')
    const text = '欢迎使用AI语音合成功能😀。'
    const clip = await client.synthesize(text)
    const file = fs.readFileSync(clip.path)
    expect(clip.path).toMatch(/\.mp3$/)
    expect(isMp3(file)).toBe(true)
    expect(file.length).toBeGreaterThan(5000)
    expect(clip.durationS).toBeGreaterThan(1.5)
    expect(clip.durationS).toBeLessThan(6)
    expect(clip.timings.map(({ begin, end }) => text.slice(begin, end)).join('')).toContain('欢迎使用AI语音合成功能')
    expect(clip.warnings.map(({ text: symbol }) => symbol)).toEqual(['😀'])
    expect(phone.logins).toBe(1)
  })

  test('speaking plays the file', async () => {
    const { phone, client } = user('oABC-mini-program-user-first')
    const heard = client.speak('你好，世界。', { onPlay: () => phone.context.end() })
    await heard
    expect(fs.existsSync(phone.context.src)).toBe(true)
  })

  test('what was made before comes from the server\'s cache, what was fetched before from the phone', async () => {
    const text = '您的余额不足，请充值。'
    await user('oABC-mini-program-user-one').client.synthesize(text)
    const before = await servers.do('syntheses')
    const { phone, client, again } = user('oABC-mini-program-user-two')
    expect((await client.synthesize(text)).cached).toBe('server')
    expect(await servers.do('syntheses')).toBe(before)
    const requests = phone.statuses.length
    const { cached, path: kept } = await client.synthesize(text)
    expect(cached).toBe('phone')
    await until(() => [...phone.storage.values()].some((entry) => entry.text.includes(path.basename(kept)))) // the index is written later
    expect((await again().synthesize(text)).cached).toBe('phone')
    expect(phone.statuses).toHaveLength(requests)
  })

  test('any number of callers log in once and ask once', async () => {
    const { phone, client } = user('oABC-mini-program-user-many')
    const before = await servers.do('logins')
    const clips = await Promise.all([...'一二一二一二'].map((number) => client.synthesize(`第${number}号窗口。`)))
    expect(new Set(clips.map(({ path }) => path)).size).toBe(2)
    expect(await servers.do('logins')).toBe(before + 1)
    expect(phone.statuses.filter((status) => status === 200)).toHaveLength(5)
  })

  test('an expired token is renewed without anybody noticing', async () => {
    const { phone, client, again } = user('oABC-mini-program-user-late')
    await client.synthesize('第一次。')
    const key = `tts-token ${opening.url}`
    const kept = JSON.parse(phone.storage.get(key).text)
    const expired = await servers.do('expired', kept.text)
    phone.storage.set(key, { text: JSON.stringify({ ...kept, text: expired }), encrypt: true })
    phone.statuses = []
    const late = again()
    await Promise.all([late.synthesize('第二次。'), late.synthesize('第三次。'), late.voices()])
    expect(phone.statuses.filter((status) => status === 401).length).toBeGreaterThan(0)
    expect(phone.logins).toBe(2)
    expect(JSON.parse(phone.storage.get(key).text).text).not.toBe(expired)
  })

  test('a stream is heard piece by piece, with timings in the text\'s own units', async () => {
    const { phone, client } = user('oABC-mini-program-user-stream')
    const text = '湖面上升起了薄雾😀。远处有人在轻轻地唱歌。天慢慢地亮了。'
    const pieces = []
    let sampleRate = 0
    const end = await client.stream(text, { onStart: (opening) => (sampleRate = opening.sampleRate), onPiece: (piece) => pieces.push(piece) })
    const heard = pieces.filter(({ timings }) => timings.length)
    expect(heard.length).toBeGreaterThanOrEqual(3) // a long sentence comes in several
    expect(heard.flatMap(({ timings }) => timings.map(({ begin, end: to }) => text.slice(begin, to))).join('')).toMatch(/^湖面上升起了薄雾.*天慢慢地亮了/)
    expect(sampleRate).toBe(22050)
    expect(end.durationS).toBeGreaterThan(3)
    const samples = new Int16Array(heard[0].pcm)
    expect(Math.max(...samples)).toBeGreaterThan(1000)
    expect(phone.chunks).toBeGreaterThan(1)
  })

  test('a stream that the server refuses is its own sentence', async () => {
    const { client } = user('oABC-mini-program-user-stream')
    const error = await client.stream('你好', { speaker: 'nobody', onPiece: () => undefined }).catch((thrown) => thrown)
    expect(error).toMatchObject({ name: 'TtsError', status: 422 })
    expect(error.message).toMatch(/[\u4e00-\u9fff]/)
  })

  test('a stream that is cancelled ends at once', async () => {
    const { client } = user('oABC-mini-program-user-stream')
    const task = client.stream('这一句很快就不要了。'.repeat(30), { onPiece: () => task.cancel() })
    expect(await task.catch((thrown) => thrown)).toMatchObject({ code: 'cancelled' })
  })

  test('a long text is made in the background, its parts playable in order, the whole as one file', async () => {
    const { phone, client } = user('oABC-mini-program-user-job')
    const text = '第一段说的是春天😀。'.concat('花都开了。'.repeat(8), '\n\n', '第二段说的是秋天。'.repeat(6))
    const parts = []
    const made = await client.job(text, { onPart: (part) => parts.push(part) })
    expect(parts.map(({ begin, end }) => text.slice(begin, end)).join('').replace(/\s/g, '')).toBe(text.replace(/\s/g, ''))
    expect(made.durationS).toBeGreaterThan(10)
    const file = await new Promise((success, fail) => phone.downloadFile({ url: made.url, success, fail }))
    expect(isMp3(fs.readFileSync(file.tempFilePath))).toBe(true)
    expect((await client.resumeJob(made.id, text)).durationS).toBe(made.durationS)
    expect(phone.statuses).toContain(202)
  })

  test('what is shown on the screen need not be heard in the file', async () => {
    const { client } = user('oABC-mini-program-user-label')
    const marked = await client.synthesize('标识。')
    const plain = await client.synthesize('标识。', { explicit_label: false })
    expect(fs.statSync(marked.path).size).toBeGreaterThan(1.2 * fs.statSync(plain.path).size)
  })

  test('too many requests are slowed down, not lost', async () => {
    const { phone, client } = user('oABC-mini-program-user-greedy')
    const answers = await Promise.all(Array.from({ length: 30 }, () => client.voices()))
    expect(phone.statuses).toContain(429)
    expect(answers).toHaveLength(30)
    for (const { voices } of answers) expect(voices.map(({ name }) => name)).toContain('female')
  })

  test('a refusal is the server\'s own sentence', async () => {
    const { client } = user('oABC-mini-program-user-wrong')
    const error = await client.synthesize('你好', { speaker: 'nobody' }).catch((thrown) => thrown)
    expect(error).toMatchObject({ name: 'TtsError', status: 422 })
    expect(error.message).toMatch(/[\u4e00-\u9fff]/)
    expect(error.requestId).not.toBe('')
  })

  test('a recording becomes a voice of its owner alone, until it is deleted; a model that cannot learn it says so', async () => {
    const { client } = user('oABC-mini-program-user-clone')
    const other = user('oABC-mini-program-user-other').client
    const script = '今天的风很轻，阳光落在窗台上。我泡了一杯茶，听见远处有人在唱歌。'
    const recording = await client.synthesize(script, { explicit_label: false })
    const consent = { person: '张三', purpose: '朗读', agreedAt: new Date(), statement: '本人同意用这段录音合成声音。' }
    const upload = { filePath: recording.path, title: '我的声音', consent }
    if (!(await servers.do('clones'))) {
      const error = await client.addVoice(upload).catch((thrown) => thrown)
      expect(error).toMatchObject({ name: 'TtsError', status: 422, code: 'cloning_unavailable' })
      expect(error.message).toMatch(/[\u4e00-\u9fff]/)
      expect((await client.voices()).cloned).toEqual([])
      return
    }
    const { voice_id } = await client.addVoice(upload)
    expect((await client.voices()).cloned.map((voice) => [voice.voice_id, voice.title])).toEqual([[voice_id, '我的声音']])
    expect((await other.voices()).cloned).toEqual([])
    const mine = await client.synthesize('您好，很高兴用这个声音和您说话。', { voice_id })
    expect(isMp3(fs.readFileSync(mine.path))).toBe(true)
    expect(mine.durationS).toBeGreaterThan(1.5)
    expect(await other.synthesize('您好。', { voice_id }).catch((thrown) => thrown)).toMatchObject({ status: 404 })
    await client.removeVoice(voice_id)
    expect((await client.voices()).cloned).toEqual([])
    expect(fs.existsSync(mine.path)).toBe(false)
    expect(await client.synthesize('您好。', { voice_id }).catch((thrown) => thrown)).toMatchObject({ status: 404 })
  })

  test('the proxy killed in the middle and started again is a delay, not a failure', async () => {
    const { phone, client } = user('oABC-mini-program-user-patient', { persistence: { attempts: 60, maxMs: 1500 } })
    await client.synthesize('热身。')
    const speaking = client.synthesize('很长的一段话要念上一会儿，'.repeat(3))
    await new Promise((resolve) => setTimeout(resolve, 150))
    await servers.do('kill_proxy')
    const meanwhile = client.synthesize('服务停着的时候问的。')
    await servers.do('start_proxy')
    const [long, short] = await Promise.all([speaking, meanwhile])
    expect(long.durationS).toBeGreaterThan(4)
    expect(isMp3(fs.readFileSync(long.path))).toBe(true)
    expect(isMp3(fs.readFileSync(short.path))).toBe(true)
    expect(phone.mostAtOnce).toBeLessThanOrEqual(10)
  })
})

/** Look again until `condition` holds; the test's own limit ends it. */
async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20))
}

function isMp3(bytes) {
  return bytes.subarray(0, 3).toString('latin1') === 'ID3' || (bytes[0] === 0xff && (bytes[1] & 0xe0) === 0xe0)
}
