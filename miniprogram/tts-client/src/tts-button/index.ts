/** One tap, one short prompt; another tap is silence. */

import type { VoiceOptions } from '../client'
import { asTtsError, getTtsClient } from '../index'
import type { Task } from '../task'

const LABEL_SHOWN = { explicit_label: false } // it is written on the button
const tasks = new WeakMap<object, Task<void>>()

Component({
  externalClasses: ['custom-class'],

  properties: {
    text: String,
    /** What is written on it; the text itself where there is none. */
    label: String,
    voice: Object,
    /** Fetch the sound as soon as the button is on the screen. */
    preload: Boolean,
  },

  data: {
    status: 'idle' as 'idle' | 'loading' | 'playing',
    message: '',
    spokenLabel: '',
  },

  lifetimes: {
    attached() {
      this.describe()
      this.fetchAhead()
    },
    detached() {
      this.stop()
    },
  },

  pageLifetimes: {
    hide() {
      this.stop()
    },
  },

  observers: {
    'text, label, status': function () {
      this.describe()
    },
  },

  methods: {
    toggle() {
      if (tasks.has(this)) this.stop()
      else void this.play()
    },

    async play() {
      const { text, voice } = this.data
      let task: Task<void> | undefined
      try {
        this.setData({ status: 'loading', message: '' })
        task = getTtsClient().speak(text, {
          ...LABEL_SHOWN,
          ...(voice as VoiceOptions),
          onPlay: () => {
            this.setData({ status: 'playing' })
            this.triggerEvent('play')
          },
        })
        tasks.set(this, task)
        await task
        this.triggerEvent('ended')
      } catch (thrown) {
        const error = asTtsError(thrown)
        if (error.code === 'cancelled') return
        this.setData({ message: error.message })
        this.triggerEvent('error', { error })
      } finally {
        if (tasks.get(this) === task) {
          tasks.delete(this)
          this.setData({ status: 'idle' })
        }
      }
    },

    stop() {
      const task = tasks.get(this)
      tasks.delete(this)
      if (!task) return
      task.cancel()
      this.setData({ status: 'idle' })
    },

    describe() {
      const { status, label, text } = this.data
      const spokenLabel = status === 'idle' ? `朗读：${label || text}` : `停止朗读：${label || text}`
      if (spokenLabel !== this.data.spokenLabel) this.setData({ spokenLabel })
    },

    fetchAhead() {
      const { preload, text, voice } = this.data
      if (!preload || !text) return
      try {
        getTtsClient()
          .preload(text, { ...LABEL_SHOWN, ...(voice as VoiceOptions) })
          .catch(() => undefined) // tried again, and reported, at the tap
      } catch {
        return // no client yet: said at the tap
      }
    },
  },
})
