/** Speech for mini-programs; see README.md. */

import { createTtsClient, TtsClient } from './client'
import { asTtsError, TtsError } from './errors'

export { asTtsError, createTtsClient, TtsError }
export { TtsClient }
export type { ClientOptions, ClonedVoice, Platform, Preloaded, SpeakOptions, VoiceOptions, Voices, VoiceUpload } from './client'
export type { Clip, Timing, Warning } from './clip'
export type { Job, JobHandlers, JobPart, JobResult } from './job'
export type { Piece, StreamEnd, StreamHandlers } from './stream'
export type { State, Status } from './reader'
export type { Task } from './task'
export { Reader } from './reader'
export { FrameParser } from './frames'
export { sentencesOf } from './text'

let shared: TtsClient | undefined

/** The client that the components of this package use; called once, in `app.js`. */
export function useTtsClient(client: TtsClient): void {
  shared = client
}

export function getTtsClient(): TtsClient {
  if (!shared) throw new TtsError('no_client', '还没有准备好：请先在 app.js 里调用 useTtsClient(createTtsClient(…))。')
  return shared
}
