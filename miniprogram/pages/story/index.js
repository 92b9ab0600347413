const { getTtsClient } = require('../../tts-client/miniprogram_dist/index')
const preferences = require('../../preferences')
const { CAST, STORY } = require('./story')

/** @type {{ cancel(): void } | undefined} */
let task
/** @type {string[]} */
let known = [] // 服务端支持的情感；不支持的不发，否则会被拒绝
let turn = 0 // 每次开始或停下加一：旧的朗读看到它变了就不再往下讲

Page({
  data: {
    lines: STORY.map((line, index) => ({ ...line, index })),
    active: -1,
    playing: false,
    loading: false,
    problem: '',
  },

  async onLoad() {
    try {
      const { emotions = [] } = await getTtsClient().voices()
      known = emotions
    } catch (error) {
      console.warn('问不到服务端支持哪些情感，先按平静的语气讲', error)
    }
  },
  onHide() {
    this.stop()
  },
  onUnload() {
    this.stop()
  },

  onToggle() {
    if (this.data.playing) this.stop()
    else void this.tell(0)
  },

  /** @param {WechatMiniprogram.TouchEvent} event */
  onLine(event) {
    void this.tell(Number(event.currentTarget.dataset.line))
  },

  stop() {
    turn += 1
    if (task) task.cancel()
    task = undefined
    this.setData({ playing: false, loading: false, active: -1 })
  },

  /** @param {number} from 从第几句讲起 */
  async tell(from) {
    this.stop()
    const ours = turn
    const client = getTtsClient()
    this.setData({ playing: true, problem: '' })
    try {
      for (let index = from; index < STORY.length && ours === turn; index += 1) {
        this.setData({ active: index, loading: true })
        const next = STORY[index + 1]
        if (next) client.preload(next.text, voiceOf(next)).catch(() => undefined) // 讲这一句时备好下一句
        const speaking = client.speak(STORY[index].text, {
          ...voiceOf(STORY[index]),
          onPlay: () => ours === turn && this.setData({ loading: false }),
        })
        task = speaking
        await speaking
      }
    } catch (error) {
      const { code, message } = /** @type {import('../../tts-client/miniprogram_dist/index').TtsError} */ (error)
      if (ours === turn && code !== 'cancelled') this.setData({ problem: message })
    }
    if (ours === turn) this.stop()
  },
})

/** @param {{ role: string, emotion?: string, intensity?: number }} line */
function voiceOf({ role, emotion, intensity }) {
  const { speaker: own, speed } = preferences.get()
  const voice = { speaker: CAST[role] || own, speed }
  return emotion && known.includes(emotion) ? { ...voice, emotion, intensity } : voice
}
