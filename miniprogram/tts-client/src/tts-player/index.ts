/** The player: text, highlight, controls. All that is not on the screen is done by `Reader`. */

import type { VoiceOptions } from '../client'
import { asTtsError, getTtsClient } from '../index'
import type { Reader, State } from '../reader'

const RATES = [0.75, 1, 1.25, 1.5, 2]
const WINDOW = 300 // sentences on the screen: setting more than that at once is felt
const BEFORE = 100

const readers = new WeakMap<object, Reader<VoiceOptions>>()
const loaded = new WeakMap<object, string>()

Component({
  externalClasses: ['custom-class'],

  properties: {
    text: String,
    /** Shown on the lock screen when `background` is on. */
    title: String,
    /** `{ speaker, speed, emotion, … }`. */
    voice: Object,
    /** Goes on when the phone is locked; needs `requiredBackgroundModes: ["audio"]` in app.json. */
    background: Boolean,
    autoplay: Boolean,
    showText: { type: Boolean, value: true },
  },

  data: {
    playing: false,
    loading: false,
    label: '播放',
    message: '',
    clock: '0:00',
    total: '',
    spokenClock: '',
    slider: 0,
    rates: RATES,
    rateIndex: 1,
    lines: [] as Array<{ index: number; text: string }>,
    active: -1,
    said: '',
    now: '',
    rest: '',
  },

  lifetimes: {
    attached() {
      try {
        readers.set(
          this,
          getTtsClient().createReader((state) => this.show(state)),
        )
        this.load()
      } catch (thrown) {
        this.fail(thrown)
      }
    },
    detached() {
      const reader = readers.get(this)
      if (reader) reader.destroy()
      readers.delete(this)
    },
  },

  pageLifetimes: {
    hide() {
      if (!this.data.background) this.pause()
    },
  },

  observers: {
    'text, voice, background, title': function () {
      this.load()
    },
  },

  methods: {
    play() {
      this.with((reader) => reader.play())
    },
    pause() {
      this.with((reader) => reader.pause())
    },
    toggle() {
      this.with((reader) => reader.toggle())
    },
    stop() {
      this.with((reader) => reader.stop())
    },
    previous() {
      this.with((reader) => reader.previous())
    },
    next() {
      this.with((reader) => reader.next())
    },
    retry() {
      this.with((reader) => reader.retry())
    },
    /** Go to a time, in seconds. */
    seek(timeS: number) {
      this.with((reader) => reader.seek(timeS))
    },

    onSentence(event: WechatMiniprogram.TouchEvent) {
      this.with((reader) => reader.jump(Number(event.currentTarget.dataset.sentence)))
    },
    onSliding(event: WechatMiniprogram.SliderChanging) {
      this.with(({ state }) => {
        sliding.add(this)
        this.setData({ clock: clockOf((event.detail.value / 1000) * state.durationS) })
      })
    },
    onSlide(event: WechatMiniprogram.SliderChange) {
      sliding.delete(this)
      this.with((reader) => reader.seek((event.detail.value / 1000) * reader.state.durationS))
    },
    onRate(event: WechatMiniprogram.PickerChange) {
      const rateIndex = Number(event.detail.value)
      this.setData({ rateIndex })
      this.with((reader) => reader.setRate(RATES[rateIndex] || 1))
    },

    with(act: (reader: Reader<VoiceOptions>) => void) {
      const reader = readers.get(this)
      if (reader) act(reader)
    },

    load() {
      this.with((reader) => {
        const { text, voice, background, title, rateIndex, autoplay } = this.data
        const wanted = JSON.stringify([text, voice, background, title])
        if (loaded.get(this) === wanted) return // observers also fire when nothing changed
        loaded.set(this, wanted)
        this.setData({ lines: [], active: -1 })
        // the notice is on the screen as long as the player is
        reader.load(text, { voice: { explicit_label: false, ...(voice as VoiceOptions) }, background, title, rate: RATES[rateIndex] || 1 })
        this.show(reader.state)
        if (autoplay) reader.play()
      })
    },

    show(state: State) {
      const change: Record<string, unknown> = {
        playing: state.status === 'playing',
        loading: state.status === 'loading',
        label: state.status === 'loading' ? '正在加载，点按停止' : state.status === 'playing' ? '暂停' : '播放',
        message: state.error ? state.error.message : '',
        total: state.durationS ? (state.exact ? '' : '约') + clockOf(state.durationS) : '',
        ...this.progress(state),
        ...this.highlight(state),
      }
      const before = this.data as Record<string, unknown>
      Object.keys(change).forEach((name) => before[name] === change[name] && delete change[name])
      if (Object.keys(change).length) this.setData(change)
      this.report(state)
    },

    progress({ timeS, durationS }: State) {
      if (sliding.has(this)) return {}
      const clock = clockOf(timeS)
      const spokenClock = durationS ? `${spoken(timeS)}，共${spoken(durationS)}` : ''
      // the slider moves with the clock, once a second: more often would cost more than it shows
      return clock === this.data.clock && this.data.total ? {} : { clock, spokenClock, slider: durationS ? Math.round((1000 * timeS) / durationS) : 0 }
    },

    highlight({ sentence, begin, end }: State) {
      const reader = readers.get(this)
      const span = reader && reader.sentences[sentence]
      if (!span || !this.data.showText) return {}
      const { text } = this.data
      const isInside = begin >= span.begin && end <= span.end
      const [from, to] = isInside ? [begin, end] : [span.begin, span.begin]
      return {
        active: sentence,
        said: text.slice(span.begin, from),
        now: text.slice(from, to),
        rest: text.slice(to, span.end),
        ...this.window(reader, sentence),
      }
    },

    window(reader: Reader<VoiceOptions>, sentence: number) {
      const { lines, text } = this.data
      const [first, last] = [lines[0], lines[lines.length - 1]]
      const isEnd = last !== undefined && last.index === reader.sentences.length - 1
      if (first && last && first.index <= sentence && (isEnd || sentence + BEFORE / 2 <= last.index)) return {}
      const from = Math.max(0, Math.min(sentence - BEFORE, reader.sentences.length - WINDOW))
      return {
        lines: reader.sentences.slice(from, from + WINDOW).map(({ begin, end }, offset) => ({ index: from + offset, text: text.slice(begin, end) })),
      }
    },

    report(state: State) {
      const before = told.get(this)
      told.set(this, state)
      const detail = { timeS: state.timeS, durationS: state.durationS, sentence: state.sentence, begin: state.begin, end: state.end }
      if (before && before.status === state.status) {
        if (state.status === 'playing') this.triggerEvent('timeupdate', detail)
        return
      }
      const name = ({ playing: 'play', paused: 'pause', ended: 'ended', error: 'error' } as Record<string, string>)[state.status]
      if (name) this.triggerEvent(name, state.error ? { ...detail, error: state.error } : detail)
    },

    fail(thrown: unknown) {
      const error = asTtsError(thrown)
      this.setData({ message: error.message })
      this.triggerEvent('error', { error })
    },
  },
})

const sliding = new WeakSet<object>()
const told = new WeakMap<object, State>()

function clockOf(seconds: number): string {
  const whole = Math.floor(seconds)
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}

function spoken(seconds: number): string {
  const whole = Math.floor(seconds)
  const minutes = Math.floor(whole / 60)
  return `${minutes ? `${minutes}分` : ''}${whole % 60}秒`
}
