const fc = require('fast-check')
const { sentencesOf } = require('../../tts-client/miniprogram_dist')

const RUNS = { numRuns: 300 }
const letters = fc.constantFrom(...'今天气好abc 12.。！？!?，,；…”"\n 😀𠮷（）、')
const texts = fc.oneof(fc.string({ unit: letters, maxLength: 400 }), fc.string({ maxLength: 100 }))
const said = (text) => sentencesOf(text).map(({ begin, end }) => text.slice(begin, end))

test('sentences tile the text', () => {
  fc.assert(
    fc.property(texts, (text) => {
      expect(said(text).join('')).toBe(text)
      expect(said(text).every((sentence) => sentence.length > 0)).toBe(true)
    }),
    RUNS,
  )
})

test('no character is cut in two, and no sentence is too long to be made at once', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('好', '𠮷', '😀', '，'), maxLength: 900 }), (text) => {
      for (const sentence of said(text)) {
        expect(sentence.isWellFormed ? sentence.isWellFormed() : true).toBe(true)
        expect(encodeURIComponent(sentence)).toBeTruthy()
        expect(sentence.length).toBeLessThan(250)
      }
    }),
    RUNS,
  )
})

test.each([
  ['今天天气很好。我们去公园吧！', ['今天天气很好。', '我们去公园吧！']],
  ['他说：“走吧！”然后就走了。', ['他说：“走吧！”', '然后就走了。']],
  ['真的吗？！……好。', ['真的吗？！……', '好。']],
  ['圆周率是3.14，网址是a.com。', ['圆周率是3.14，网址是a.com。']],
  ['Hello there. How are you?', ['Hello there.', ' How are you?']],
  ['标题\n\n正文。\n', ['标题\n\n', '正文。\n']],
  ['\n\n你好', ['\n\n你好']],
  ['……', ['……']],
  ['', []],
])('%j', (text, expected) => expect(said(text)).toEqual(expected))

test('a sentence without end is cut at a comma', () => {
  const text = '很长的一句话，'.repeat(40)
  const parts = said(text)
  expect(parts.length).toBeGreaterThan(2)
  expect(parts.every((part) => part.endsWith('，'))).toBe(true)
})
