const { createTtsClient } = require('../../tts-client/miniprogram_dist')
const { Phone, problem } = require('../phone')

const TEXT = '😀第一段。第二段。第三段。'
let phone, client, job, asked

beforeEach(() => {
  jest.useFakeTimers({ now: 1_795_000_000_000 })
  phone = new Phone()
  client = createTtsClient({ baseUrl: 'https://tts.test', wx: phone })
  asked = []
  job = { id: 'j1', state: 'queued', progress: 0, parts: [] }
  phone.answer = (request) => {
    const { pathname } = new URL(request.url)
    asked.push([request.method || 'GET', pathname])
    return pathname.startsWith('/jobs') ? { status: pathname === '/jobs' ? 202 : 200, data: job } : phone.speechServer(request)
  }
})
afterEach(() => jest.useRealTimers())

const part = (number, begin, end) => ({ number, begin, end, audio_url: `https://tts.test/audio/p${number}.mp3`, duration_s: 2 })

test('is asked about until it is done; parts come in order, in the text\'s own units', async () => {
  const progress = []
  const heard = []
  const ids = []
  const task = client.job(TEXT, { onCreate: (id) => ids.push(id), onProgress: (one) => progress.push(one.progress), onPart: ({ begin, end }) => heard.push(TEXT.slice(begin, end)) })
  await jest.advanceTimersByTimeAsync(0)
  job = { ...job, state: 'running', progress: 0.6, parts: [part(0, 0, 5), part(2, 9, 13)] }
  await jest.advanceTimersByTimeAsync(600)
  expect(heard).toEqual(['😀第一段。'])
  job = { ...job, state: 'done', progress: 1, parts: [part(0, 0, 5), part(1, 5, 9), part(2, 9, 13)], audio_url: 'https://tts.test/audio/all.mp3', expires_at: '2027-01-01T00:00:00Z', duration_s: 6 }
  await jest.advanceTimersByTimeAsync(1000)
  expect(await task).toMatchObject({ id: 'j1', url: 'https://tts.test/audio/all.mp3', durationS: 6 })
  expect(heard).toEqual(['😀第一段。', '第二段。', '第三段。'])
  expect(progress).toEqual([0, 0.6, 1])
  expect(ids).toEqual(['j1'])
})

test('a part with nothing to hear, which never comes, holds up nobody', async () => {
  const heard = []
  const text = '第一段。\n……\n第三段。'
  const task = client.job(text, { onPart: ({ begin, end }) => heard.push(text.slice(begin, end)) })
  task.catch(() => undefined)
  job = { ...job, state: 'running', parts: [part(0, 0, 4), part(2, 8, 12)] }
  await jest.advanceTimersByTimeAsync(600)
  expect(heard).toEqual(['第一段。', '第三段。'])
  task.cancel()
})

test('is the same job when the answer to its creation was lost', async () => {
  const keys = []
  const answer = phone.answer
  phone.answer = (request) => {
    if (request.method === 'POST' && request.url.endsWith('/jobs')) {
      keys.push(request.header['Idempotency-Key'])
      if (keys.length === 1) return { fail: { errMsg: 'request:fail' } }
    }
    return answer(request)
  }
  const task = client.job(TEXT)
  await jest.advanceTimersByTimeAsync(1000)
  expect(keys).toHaveLength(2)
  expect(keys[0]).toBe(keys[1])
  expect(keys[0].length).toBeGreaterThan(12)
  task.cancel()
  await expect(task).rejects.toMatchObject({ code: 'cancelled' })
})

test('that is cancelled is cancelled on the server too', async () => {
  const task = client.job(TEXT)
  await jest.advanceTimersByTimeAsync(10)
  task.cancel()
  await expect(task).rejects.toMatchObject({ code: 'cancelled' })
  await jest.advanceTimersByTimeAsync(60000)
  expect(asked.slice(-1)).toEqual([['DELETE', '/jobs/j1']])
})

test('that fails says why', async () => {
  job = { ...job, state: 'failed', code: 'unknown_voice', detail: '没有这个音色。' }
  const task = client.job(TEXT)
  task.catch(() => undefined)
  await jest.advanceTimersByTimeAsync(10)
  await expect(task).rejects.toMatchObject({ code: 'unknown_voice', message: '没有这个音色。' })
})

test('of an earlier run can be waited for again; one that is gone says so', async () => {
  job = { ...job, state: 'done', audio_url: 'https://tts.test/audio/all.mp3', duration_s: 6 }
  const task = client.resumeJob('j1', TEXT)
  await jest.advanceTimersByTimeAsync(10)
  expect((await task).url).toBe('https://tts.test/audio/all.mp3')
  expect(asked.map(([, path]) => path)).not.toContain('/jobs')
  phone.answer = (request) => (request.url.includes('/jobs/') ? problem(404, 'job_not_found', '没有这个任务，或已过期。') : phone.speechServer(request))
  const gone = client.resumeJob('j9', TEXT)
  gone.catch(() => undefined)
  await jest.advanceTimersByTimeAsync(10)
  await expect(gone).rejects.toMatchObject({ code: 'job_not_found', status: 404 })
})
