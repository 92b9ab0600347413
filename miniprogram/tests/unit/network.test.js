const { createTtsClient, TtsError } = require('../../tts-client/miniprogram_dist')
const { Phone, problem, settle, GOOD } = require('../phone')

let phone, client

beforeEach(() => {
  jest.useFakeTimers({ now: 1_795_000_000_000 })
  phone = new Phone()
  client = createTtsClient({ baseUrl: 'https://tts.test', wx: phone })
})
afterEach(() => jest.useRealTimers())

const paths = () => phone.requests.map(({ url }) => new URL(url).pathname)
const rejection = (promise) => promise.then(() => { throw new Error('should have failed') }, (error) => error)

async function run(promise, ms = 60000) {
  promise.catch(() => undefined)
  await jest.advanceTimersByTimeAsync(ms)
  return promise
}

describe('login', () => {
  test('happens once for any number of callers', async () => {
    await run(Promise.all(['一', '二', '三', '四'].map((text) => client.synthesize(text))))
    expect(phone.logins).toBe(1)
    expect(paths().filter((path) => path === '/auth/wechat')).toHaveLength(1)
    expect(phone.requests[0].data).toEqual({ code: 'code-1' })
  })

  test('is kept encrypted and used by the next run of the program', async () => {
    await run(client.synthesize('你好'))
    const kept = phone.storage.get('tts-token https://tts.test')
    expect(kept.encrypt).toBe(true)
    expect(JSON.parse(kept.text).text).toBe(GOOD)
    await run(createTtsClient({ baseUrl: 'https://tts.test', wx: phone }).synthesize('再见'))
    expect(phone.logins).toBe(1)
  })

  test('stays in memory where the phone cannot encrypt', async () => {
    phone.setStorage = ({ encrypt, fail }) => (encrypt ? fail({ errMsg: 'setStorage:fail' }) : undefined)
    await run(client.synthesize('你好'))
    await run(client.synthesize('再见'))
    expect(phone.logins).toBe(1)
    expect(phone.storage.has('tts-token https://tts.test')).toBe(false)
  })

  test('is renewed before the token dies, and after the clock was set back', async () => {
    await run(client.synthesize('一'))
    jest.setSystemTime(Date.now() + 820_000)
    await run(client.synthesize('二'))
    expect(phone.logins).toBe(2)
    jest.setSystemTime(Date.now() - 3600e3)
    await run(client.synthesize('三'))
    expect(phone.logins).toBe(3)
  })

  test('is repeated once after 401, for all whom the dead token hit', async () => {
    let good = 'old'
    phone.answer = ({ url, header }) => {
      if (url.endsWith('/auth/wechat')) return { status: 200, data: { access_token: good, expires_in: 900 } }
      return header.Authorization === 'Bearer new' ? phone.speechServer({ url, header: { Authorization: `Bearer ${GOOD}` }, data: { text: '好' } }) : problem(401, 'unauthorized', '过期')
    }
    await run(client.transport.session.bearer())
    good = 'new'
    await run(Promise.all(['一', '二', '三'].map((text) => client.synthesize(text))))
    expect(phone.logins).toBe(2)
  })

  test('that does not help ends with the 401', async () => {
    phone.answer = ({ url }) =>
      url.endsWith('/auth/wechat') ? { status: 200, data: { access_token: 'x', expires_in: 900 } } : problem(401, 'unauthorized', '凭证无效。')
    const error = await run(rejection(client.synthesize('你好')))
    expect(error).toMatchObject({ code: 'unauthorized', status: 401, message: '凭证无效。', requestId: 'r-problem' })
    expect(paths()).toEqual(['/auth/wechat', '/tts', '/auth/wechat', '/tts'])
  })

  test('brings a new code to each attempt, since a code works once', async () => {
    let down = 2
    phone.answer = (request) => (request.url.endsWith('/auth/wechat') && down-- > 0 ? { fail: { errMsg: 'request:fail timeout' } } : phone.speechServer(request))
    await run(client.synthesize('你好'))
    expect(phone.requests.filter(({ url }) => url.endsWith('/auth/wechat')).map(({ data }) => data.code)).toEqual(['code-1', 'code-2', 'code-3'])
  })

  test('refused by WeChat is not tried again', async () => {
    phone.answer = () => problem(401, 'wechat_code_invalid', '登录凭证无效。')
    expect(await run(rejection(client.synthesize('你好')))).toMatchObject({ code: 'wechat_code_invalid' })
    expect(phone.requests).toHaveLength(1)
  })
})

describe('retries', () => {
  const failing = (...answers) => {
    phone.answer = (request) => (request.url.endsWith('/tts') && answers.length ? answers.shift() : phone.speechServer(request))
  }
  const speaks = () => paths().filter((path) => path === '/tts').length

  test.each([429, 503])('wait as long as %d says', async (status) => {
    failing(problem(status, 'busy', '忙', { 'retry-AFTER': '7' }))
    const done = jest.fn()
    const task = client.synthesize('你好')
    task.then(done)
    await jest.advanceTimersByTimeAsync(6900)
    expect(speaks()).toBe(1)
    expect(done).not.toHaveBeenCalled()
    await jest.advanceTimersByTimeAsync(200)
    expect(speaks()).toBe(2)
    await task
  })

  test('understand a date in Retry-After', async () => {
    failing(problem(503, 'busy', '忙', { 'Retry-After': new Date(Date.now() + 4000).toUTCString() }))
    const task = client.synthesize('你好')
    await jest.advanceTimersByTimeAsync(3900)
    expect(speaks()).toBe(1)
    await run(task)
    expect(speaks()).toBe(2)
  })

  test('do not make anybody wait for minutes', async () => {
    failing(problem(429, 'quota_exceeded', '今天的字数已用完。', { 'Retry-After': '30000' }))
    expect(await run(rejection(client.synthesize('你好')), 10)).toMatchObject({ code: 'quota_exceeded', retryAfterS: 30000 })
  })

  test('back off and give up after five attempts', async () => {
    phone.answer = (request) => (request.url.endsWith('/tts') ? problem(503, 'engine_busy', '语音引擎正忙。') : phone.speechServer(request))
    const error = await run(rejection(client.synthesize('你好')), 120000)
    expect(error).toMatchObject({ code: 'engine_busy', status: 503, message: '语音引擎正忙。' })
    expect(speaks()).toBe(5)
  })

  test.each([400, 403, 404, 413, 415, 422])('are not made on %d', async (status) => {
    failing(problem(status, 'bad', '不行'), problem(status, 'bad', '不行'))
    expect(await run(rejection(client.synthesize('你好')))).toMatchObject({ status })
    expect(speaks()).toBe(1)
  })

  test.each([500, 502, 504])('are not made on %d without Retry-After', async (status) => {
    failing(problem(status, 'broken', '坏了'))
    expect(await run(rejection(client.synthesize('你好')))).toMatchObject({ status })
    expect(speaks()).toBe(1)
  })

  test('are made when a gateway says when the engine is back', async () => {
    failing(problem(502, 'engine_unreachable', '重启中', { 'Retry-After': '5' }))
    await run(client.synthesize('你好'))
    expect(speaks()).toBe(2)
  })

  test('are made when the connection broke', async () => {
    failing({ fail: { errMsg: 'request:fail', errno: 600001 } }, { fail: { errMsg: 'request:fail interrupted', errno: 600003 } })
    await run(client.synthesize('你好'))
    expect(speaks()).toBe(3)
  })

  test('are not made for a domain that is not allowed', async () => {
    failing({ fail: { errMsg: 'request:fail url not in domain list', errno: 600002 } })
    const error = await run(rejection(client.synthesize('你好')))
    expect(error.code).toBe('domain_not_allowed')
    expect(error.message).toContain('服务器域名')
    expect(speaks()).toBe(1)
  })

  test('fetch the file anew when the server answers its link with an error document', async () => {
    let first = true
    const good = phone.downloadFile
    phone.downloadFile = (options) => {
      if (!first) return good(options)
      first = false
      options.success({ statusCode: 503, tempFilePath: 'wxfile://tmp/error.json', header: {} })
      return { abort() {} }
    }
    const clip = await run(client.synthesize('你好'))
    expect(phone.files.get(clip.path)).toHaveLength(1000)
  })
})

describe('errors', () => {
  test('are one class that people can read', async () => {
    phone.answer = (request) => (request.url.endsWith('/tts') ? problem(422, 'unknown_voice', '没有音色 x。') : phone.speechServer(request))
    const error = await run(rejection(client.synthesize('你好')))
    expect(error).toBeInstanceOf(TtsError)
    expect(error).toBeInstanceOf(Error)
    expect({ ...error, message: error.message }).toMatchObject({ name: 'TtsError', code: 'unknown_voice', status: 422, requestId: 'r-problem', message: '没有音色 x。' })
  })

  test('have a sentence of their own where a gateway answers in HTML', async () => {
    phone.answer = (request) => (request.url.endsWith('/tts') ? { status: 502, data: '<html>Bad Gateway</html>' } : phone.speechServer(request))
    expect(await run(rejection(client.synthesize('你好')))).toMatchObject({ code: 'http_502', message: '语音服务暂时不可用：请稍后再试。' })
  })

  test('of a login page that answers 200 are not taken for a token', async () => {
    phone.answer = () => ({ status: 200, data: '<html>hotel wifi</html>' })
    expect(await run(rejection(client.synthesize('你好')))).toMatchObject({ code: 'bad_answer' })
  })

  test('name a bad baseUrl at once', () => {
    for (const baseUrl of ['tts.example.com', 'https://tts.test/', '', 'ftp://x']) {
      expect(() => createTtsClient({ baseUrl, wx: phone })).toThrow(TtsError)
    }
  })
})

describe('concurrency', () => {
  test('never passes the limit, and preloading leaves room for whoever waits', async () => {
    const gates = []
    phone.answer = (request) =>
      request.url.endsWith('/tts') ? new Promise((open) => gates.push(() => open(phone.speechServer(request)))) : phone.speechServer(request)
    const preload = client.preload(Array.from({ length: 20 }, (_, n) => `提示${n}`))
    await settle()
    expect(gates).toHaveLength(2)
    const urgent = Array.from({ length: 10 }, (_, n) => client.synthesize(`马上${n}`))
    await settle()
    expect(gates).toHaveLength(6)
    const said = phone.requests.map(({ data }) => data && data.text).filter(Boolean)
    expect(said.slice(0, 2)).toEqual(['提示0', '提示1'])
    expect(said.slice(2)).toEqual(['马上0', '马上1', '马上2', '马上3'])
    while (gates.length) {
      gates.shift()()
      await settle()
    }
    await Promise.all(urgent)
    expect(await preload).toEqual({ ready: 20, failed: [] })
    expect(phone.mostAtOnce).toBeLessThanOrEqual(6)
  })

  test('is never above what the platform allows', async () => {
    const greedy = createTtsClient({ baseUrl: 'https://tts.test', wx: phone, concurrency: 99 })
    await run(Promise.all(Array.from({ length: 40 }, (_, n) => greedy.synthesize(`第${n}句`))))
    expect(phone.mostAtOnce).toBe(10)
  })

  test('somebody waiting for a text that is only being preloaded moves it to the front', async () => {
    const gates = new Map()
    phone.answer = (request) =>
      request.url.endsWith('/tts') ? new Promise((open) => gates.set(request.data.text, () => open(phone.speechServer(request)))) : phone.speechServer(request)
    client.preload(['甲', '乙', '丙', '丁'])
    await settle()
    expect([...gates.keys()]).toEqual(['甲', '乙'])
    client.synthesize('丁')
    await settle()
    expect([...gates.keys()]).toEqual(['甲', '乙', '丁'])
  })
})

describe('the same text asked for twice', () => {
  test('is asked of the server once', async () => {
    const [one, two] = await run(Promise.all([client.synthesize('你好'), client.synthesize('你好')]))
    expect(phone.made).toBe(1)
    expect(phone.downloads).toBe(1)
    expect(one).toEqual(two)
  })

  test('goes on when one of the two no longer wants it, and stops when neither does', async () => {
    const gates = []
    phone.answer = (request) =>
      request.url.endsWith('/tts') ? new Promise((open) => gates.push(() => open(phone.speechServer(request)))) : phone.speechServer(request)
    const [one, two] = [client.synthesize('你好'), client.synthesize('你好')]
    await settle()
    one.cancel()
    expect(await rejection(one)).toMatchObject({ code: 'cancelled' })
    expect(phone.requests[1].aborted).toBe(false)
    two.cancel()
    expect(await rejection(two)).toMatchObject({ code: 'cancelled' })
    expect(phone.requests[1].aborted).toBe(true)
    const three = client.synthesize('你好')
    await settle()
    gates[1]()
    expect((await run(three)).durationS).toBeCloseTo(0.4)
  })

  test('in another voice is another sound', async () => {
    await run(Promise.all([client.synthesize('你好'), client.synthesize('你好', { speaker: 'male' }), client.synthesize('你好', { speaker: '', speed: undefined })]))
    expect(phone.made).toBe(2)
  })
})

test('cancelling while waiting to try again ends the wait', async () => {
  phone.answer = (request) => (request.url.endsWith('/tts') ? problem(503, 'busy', '忙', { 'Retry-After': '9' }) : phone.speechServer(request))
  const task = client.synthesize('你好')
  await settle()
  task.cancel()
  expect(await rejection(task)).toMatchObject({ code: 'cancelled' })
  await jest.advanceTimersByTimeAsync(60000)
  expect(paths()).toEqual(['/auth/wechat', '/tts'])
})
