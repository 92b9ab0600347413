const { load, newPhone, pass, render } = require('./load')
const { problem } = require('../phone')

let id, phone, component

beforeAll(() => {
  id = load('tts-client/miniprogram_dist/tts-button/index', 'tts-button')
}, 120000)
beforeEach(() => {
  ;({ phone } = newPhone())
  component = render(id, { text: '请取号排队。', label: '取号' })
})
afterEach(() => component.detach())

const tap = async (one = component) => {
  one.querySelector('.tts-button').dispatchEvent('tap')
  await pass()
}

test('one tap speaks, another is silence', async () => {
  expect(component.data).toMatchObject({ status: 'idle', spokenLabel: '朗读：取号' })
  await tap()
  expect(component.data).toMatchObject({ status: 'playing', spokenLabel: '停止朗读：取号' })
  await tap()
  expect(component.data.status).toBe('idle')
  expect(phone.context.state).toBe('destroyed')
})

test('is quiet again when it has been heard', async () => {
  const heard = []
  for (const name of ['play', 'ended']) component.addEventListener(name, () => heard.push(name))
  await tap()
  phone.context.end()
  await pass()
  expect(component.data.status).toBe('idle')
  expect(heard).toEqual(['play', 'ended'])
})

test('the next button silences the one before', async () => {
  const other = render(id, { text: '请到三号窗口。' })
  await tap()
  await tap(other)
  expect([component.data.status, other.data.status]).toEqual(['idle', 'playing'])
  expect(other.data.spokenLabel).toBe('停止朗读：请到三号窗口。')
  other.detach()
})

test('an error is shown, and gone at the next tap', async () => {
  const good = phone.answer
  phone.answer = (request) => (request.url.endsWith('/tts') ? problem(403, 'insufficient_scope', '没有权限。') : good(request))
  await tap()
  expect(component.querySelector('.tts-message').dom.textContent).toBe('没有权限。')
  expect(component.data.status).toBe('idle')
  phone.answer = good
  await tap()
  expect(component.querySelector('.tts-message')).toBeUndefined()
})

test('what is preloaded sounds without the network', async () => {
  const ahead = render(id, { text: '提前准备好的话。', preload: true })
  await pass()
  expect(phone.downloads).toBe(1)
  phone.answer = () => ({ fail: { errMsg: 'request:fail' } })
  await tap(ahead)
  expect(ahead.data.status).toBe('playing')
  ahead.detach()
})
