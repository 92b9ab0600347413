// The sample as DevTools would find it: pages complete, handlers there, colours readable, small enough.

const fs = require('node:fs')
const path = require('node:path')

const ROOT = path.join(__dirname, '..', '..')
const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8')
const app = JSON.parse(read('app.json'))

function pageOf(page) {
  let options
  global.Page = (given) => (options = given)
  jest.isolateModules(() => require(path.join(ROOT, page)))
  return options
}

test.each(app.pages)('%s is complete, and every handler and shown value exists', (page) => {
  for (const kind of ['js', 'json', 'wxml', 'wxss']) expect(fs.existsSync(path.join(ROOT, `${page}.${kind}`))).toBe(true)
  const options = pageOf(page)
  const markup = read(`${page}.wxml`)
  for (const [, handler] of markup.matchAll(/\b(?:bind|catch):?\w+="(\w+)"/g)) expect(typeof options[handler]).toBe('function')
  for (const [, list] of markup.matchAll(/wx:for="\{\{(\w+)\}\}"/g)) expect(Array.isArray(options.data[list])).toBe(true)
  for (const [, name] of markup.matchAll(/(?:wx:if|value|text|voice|label)="\{\{!?(\w+)\}\}"/g)) expect(Object.keys(options.data)).toContain(name)
})

test('components and links lead somewhere', () => {
  for (const file of Object.values(app.usingComponents)) expect(fs.existsSync(path.join(ROOT, `${file}.wxml`))).toBe(true)
  for (const { url } of pageOf('pages/home/index').data.entries) expect(app.pages).toContain(url.slice(1))
  expect(app.requiredBackgroundModes).toEqual(['audio'])
})

test('one line is to be changed: nothing else names a server', () => {
  const named = app.pages.map((page) => read(`${page}.js`)).concat(read('app.js'), read('preferences.js'))
  for (const text of named) expect(text).not.toMatch(/https?:\/\//)
  expect(require('../../config').baseUrl).toMatch(/^https:\/\/[^/]+$/)
})

test('a story\'s roles all have a voice', () => {
  const { CAST, STORY } = require('../../pages/story/story')
  for (const { role } of STORY) expect(CAST[role]).toBeTruthy()
})

test('the feelings that the service offers are shown, chosen and kept; one that is gone is not asked for', async () => {
  const preferences = require('../../preferences')
  const offered = { voices: [{ name: 'female', title: '女声' }], emotions: ['happy', 'gentle', 'unheard-of'] }
  global.wx = { setStorage: () => undefined }
  const page = settingsPage({ voices: async () => offered }, preferences)
  await page.listVoices()
  expect(page.data.feelings.map(({ title }) => title)).toEqual(['平静', '开心', '温柔'])
  page.onFeeling({ detail: { value: 'happy' } })
  expect(preferences.voice()).toEqual({ speaker: 'female', emotion: 'happy', speed: 1 })
  offered.emotions = []
  await page.listVoices()
  expect(page.data.feelings).toEqual([])
  expect(preferences.voice()).toEqual({ speaker: 'female', speed: 1 })
})

function settingsPage(client, preferences) {
  let options
  global.Page = (given) => (options = given)
  jest.isolateModules(() => {
    jest.doMock('../../tts-client/miniprogram_dist/index', () => ({ getTtsClient: () => client }))
    jest.doMock('../../preferences', () => preferences)
    require('../../pages/settings/index')
  })
  const page = { ...options, data: { ...options.data, ...preferences.get() } }
  page.setData = (change) => Object.assign(page.data, change)
  return page
}

// WCAG 2.2, 1.4.3
test.each([
  ['#1c2b28', '#f6f8f7'],
  ['#43514c', '#f6f8f7'],
  ['#43514c', '#ffffff'],
  ['#43514c', '#dbe3e0'],
  ['#ffffff', '#0b6e5f'],
  ['#0b6e5f', '#ffffff'],
  ['#0b4f45', '#ffffff'],
  ['#8a1c12', '#fdecea'],
  ['#1c2b28', '#e3f1ed'],
])('%s can be read on %s', (ink, paper) => {
  const styles = ['app.wxss', 'tts-client/src/tts-player/index.wxss', 'tts-client/src/tts-button/index.wxss'].map(read).join('\n')
  const short = (colour) => (colour === '#ffffff' ? /#fff(fff)?\b/ : new RegExp(colour))
  expect(styles).toMatch(short(ink))
  const [light, dark] = [ink, paper].map(luminance).sort((a, b) => b - a)
  expect((light + 0.05) / (dark + 0.05)).toBeGreaterThanOrEqual(4.5)
})

function luminance(colour) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
