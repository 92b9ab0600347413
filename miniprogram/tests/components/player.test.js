const { load, newPhone, pass, render } = require('./load')
const { problem } = require('../phone')

// 4 sentences; 0.2 s a character
const TEXT = '今天天气很好，我们一起去公园散步吧。路上有花。湖边有鸟！回家。'
let id, phone, component

beforeAll(() => {
  id = load('tts-client/miniprogram_dist/tts-player/index', 'tts-player')
}, 120000)
beforeEach(() => {
  ;({ phone } = newPhone())
  component = render(id, { text: TEXT, title: '散步' })
})
afterEach(() => component.detach())

const tap = async (selector) => {
  component.querySelector(selector).dispatchEvent('tap')
  await pass()
}
const shown = (selector) => component.querySelector(selector).dom.textContent

test('shows the text, the length, and that it is made by AI', () => {
  expect(component.querySelectorAll('.tts-sentence').map(({ dom }) => dom.textContent)).toEqual([
    '今天天气很好，我们一起去公园散步吧。',
    '路上有花。',
    '湖边有鸟！',
    '回家。',
  ])
  expect(component.data).toMatchObject({ clock: '0:00', total: '约0:06', label: '播放' })
  expect(shown('.tts-notice')).toBe('语音由 AI 合成')
})

test('plays, marks the character that is heard, and pauses', async () => {
  const events = []
  for (const name of ['play', 'pause', 'timeupdate', 'ended']) component.addEventListener(name, ({ detail }) => events.push([name, detail]))
  await tap('.tts-main')
  expect(component.data).toMatchObject({ playing: true, label: '暂停' })
  component.instance.seek(1.05)
  expect(component.data.now).toBe('好') // at once: on a busy machine a moment later may be a second
  expect(component.data.said + component.data.now + component.data.rest).toBe('今天天气很好，我们一起去公园散步吧。')
  expect(shown('.tts-now')).toBe('好')
  await tap('.tts-main')
  expect(component.data).toMatchObject({ playing: false, label: '播放' })
  expect(phone.context.state).toBe('paused')
  const names = events.map(([name]) => name)
  expect(names[0]).toBe('play')
  expect(names[names.length - 1]).toBe('pause')
  const heard = events.filter(([name]) => name === 'timeupdate').map(([, { begin, end }]) => TEXT.slice(begin, end))
  expect(heard).toContain('好')
})

test('goes by sentences, by buttons and by a tap on the text', async () => {
  await tap('.tts-main')
  component.querySelectorAll('.tts-step')[1].dispatchEvent('tap')
  await pass()
  expect(component.data.active).toBe(1)
  component.querySelectorAll('.tts-step')[0].dispatchEvent('tap')
  await pass()
  expect(component.data.active).toBe(0)
  component.querySelectorAll('.tts-sentence')[3].dispatchEvent('tap')
  await pass()
  expect(component.data).toMatchObject({ active: 3, playing: true })
})

test('the slider previews while it is moved and seeks when it is let go', async () => {
  await tap('.tts-main')
  phone.context.seek = jest.fn()
  const slider = component.querySelector('.tts-slider')
  slider.dispatchEvent('changing', { detail: { value: 500 } })
  await pass(150)
  expect(component.data.clock).toBe('0:03')
  expect(phone.context.seek).not.toHaveBeenCalled()
  slider.dispatchEvent('change', { detail: { value: 500 } })
  await pass()
  expect(phone.context.seek).toHaveBeenCalledWith(expect.closeTo(3.2, 0))
})

test('the speed is the sound\'s', async () => {
  component.querySelector('.tts-rate').dispatchEvent('change', { detail: { value: '4' } })
  await tap('.tts-main')
  expect(phone.context.playbackRate).toBe(2)
  expect(shown('.tts-rate-value')).toBe('2×')
})

test('an error is a sentence with a way out', async () => {
  const errors = []
  component.addEventListener('error', ({ detail }) => errors.push(detail.error.code))
  const good = phone.answer
  phone.answer = (request) => (request.url.endsWith('/tts') ? problem(422, 'unknown_voice', '没有这个音色。') : good(request))
  await tap('.tts-main')
  expect(shown('.tts-message')).toBe('没有这个音色。')
  expect(errors).toEqual(['unknown_voice'])
  phone.answer = good
  await tap('.tts-retry')
  expect(component.querySelector('.tts-error')).toBeUndefined()
  expect(component.data.playing).toBe(true)
})

test('loading can be stopped', async () => {
  let open
  const good = phone.answer
  phone.answer = (request) => (request.url.endsWith('/tts') ? new Promise((resolve) => (open = () => resolve(good(request)))) : good(request))
  await tap('.tts-main')
  expect(component.data).toMatchObject({ loading: true, label: '正在加载，点按停止' })
  await tap('.tts-main')
  open()
  await pass()
  expect(component.data).toMatchObject({ loading: false, playing: false })
  expect(phone.contexts).toHaveLength(0)
})

test('the second player silences the first, leaving the page silences both', async () => {
  const other = render(id, { text: '另一篇文章。' })
  await tap('.tts-main')
  other.querySelector('.tts-main').dispatchEvent('tap')
  await pass()
  expect([component.data.playing, other.data.playing]).toEqual([false, true])
  other.triggerPageLifeTime('hide')
  expect(other.data.playing).toBe(false)
  other.detach()
  expect(phone.contexts.filter(({ state }) => state === 'playing')).toEqual([])
})

test('goes on in the background where it is asked to', async () => {
  const news = render(id, { text: TEXT, title: '新闻', background: true, autoplay: true })
  await pass()
  expect(phone.manager).toMatchObject({ title: '新闻', state: 'playing' })
  news.triggerPageLifeTime('hide')
  expect(news.data.playing).toBe(true)
  news.detach()
  expect(phone.manager.state).toBe('stopped')
})

test('another text begins from its start', async () => {
  await tap('.tts-main')
  component.setData({ text: '换了一篇。' })
  await pass()
  expect(component.data).toMatchObject({ playing: false, clock: '0:00', active: 0 })
  expect(shown('.tts-text').trim()).toBe('换了一篇。')
  expect(phone.context.state).toBe('destroyed')
})

test('a very long text is shown in part', () => {
  component.setData({ text: '春天来了。'.repeat(5000) })
  expect(component.data.lines).toHaveLength(300)
  component.instance.seek(4000)
  expect(component.data.lines.some(({ index }) => index === component.data.active)).toBe(true)
  expect(component.data.lines).toHaveLength(300)
})
