// 用户的音色、心情与语速：记在手机里，各页面共用。

const KEY = 'preferences'
// voiceId 不空时用自己克隆的声音，否则用 speaker；emotion 空是平静
const DEFAULTS = { speaker: 'female', voiceId: '', emotion: '', speed: 1, background: true }
let current = { ...DEFAULTS }

function load() {
  try {
    current = { ...DEFAULTS, ...wx.getStorageSync(KEY) }
  } catch (error) {
    console.warn('设置读不出来，使用默认值', error)
  }
}

function get() {
  return { ...current }
}

/** @param {{ speaker?: string, voiceId?: string, emotion?: string, speed?: number, background?: boolean }} change */
function set(change) {
  current = { ...current, ...change }
  wx.setStorage({ key: KEY, data: current })
}

/** 传给 tts-player 与 tts-button 的 voice。 */
function voice() {
  const { speaker, voiceId, emotion, speed } = current
  return { ...(voiceId ? { voice_id: voiceId } : { speaker }), ...(emotion ? { emotion } : {}), speed }
}

module.exports = { load, get, set, voice }
