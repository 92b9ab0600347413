/** Promises that can be cancelled, shared and counted. */

import { cancelled } from './errors'

/** Tells those who work for a task that nobody wants it any more. */
export class Signal {
  cancelled = false
  private _listeners = new Set<() => void>()

  cancel(): void {
    if (this.cancelled) return
    this.cancelled = true
    const listeners = [...this._listeners]
    this._listeners.clear()
    listeners.forEach((listener) => listener())
  }

  /** Call `listener` on cancellation (now, if it has happened); returns how to take it back. */
  onCancel(listener: () => void): () => void {
    if (this.cancelled) listener()
    else this._listeners.add(listener)
    return () => this._listeners.delete(listener)
  }

  check(): void {
    if (this.cancelled) throw cancelled()
  }
}

/** A promise with `cancel()`, after which it rejects with code `cancelled`. */
export interface Task<T> extends Promise<T> {
  cancel(): void
}

/** Run `work`; cancelling the task cancels its signal and rejects at once. */
export function startTask<T>(work: (signal: Signal) => Promise<T>, signal = new Signal()): Task<T> {
  const promise = new Promise<T>((resolve, reject) => {
    signal.onCancel(() => reject(cancelled()))
    if (!signal.cancelled) work(signal).then(resolve, reject)
  })
  return Object.assign(promise, { cancel: () => signal.cancel() })
}

/** Wait, unless cancelled first. */
export function pause(ms: number, signal: Signal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      forget()
      resolve()
    }, ms)
    const forget = signal.onCancel(() => {
      clearTimeout(timer)
      reject(cancelled())
    })
  })
}

/** Whether somebody is waiting for the result, or it is only fetched ahead of need. */
export interface Urgency {
  urgent: boolean
}

interface Flight<T> extends Urgency {
  promise: Promise<T>
  signal: Signal
  waiters: number
}

/** Any number of callers, one piece of work a key; it ends when the last caller has cancelled. */
export class Flights<T> {
  private _flights = new Map<string, Flight<T>>()

  constructor(private _promoted: () => void = () => undefined) {}

  join(key: string, urgent: boolean, work: (signal: Signal, urgency: Urgency) => Promise<T>): Task<T> {
    const flight = this._flights.get(key) || this._begin(key, urgent, work)
    flight.waiters += 1
    if (urgent && !flight.urgent) {
      flight.urgent = true
      this._promoted()
    }
    return startTask((signal) => {
      signal.onCancel(() => this._leave(key, flight))
      return flight.promise
    })
  }

  private _begin(key: string, urgent: boolean, work: (signal: Signal, urgency: Urgency) => Promise<T>): Flight<T> {
    const flight = { urgent, signal: new Signal(), waiters: 0 } as Flight<T>
    const land = () => {
      if (this._flights.get(key) === flight) this._flights.delete(key)
    }
    this._flights.set(key, flight)
    flight.promise = work(flight.signal, flight)
    flight.promise.then(land, land)
    return flight
  }

  private _leave(key: string, flight: Flight<T>): void {
    flight.waiters -= 1
    if (flight.waiters > 0) return
    if (this._flights.get(key) === flight) this._flights.delete(key)
    flight.signal.cancel()
  }
}

/** At most `size` pieces of work at once, of which at most `idle` are not urgent; urgent ones go first. */
export class Slots {
  private _used = 0
  private _usedIdly = 0
  private _queue: Array<{ urgency: Urgency; enter: (idly: boolean) => void }> = []

  constructor(
    private _size: number,
    private _idle: number,
  ) {}

  async run<T>(urgency: Urgency, signal: Signal, work: () => Promise<T>): Promise<T> {
    const idly = await this._turn(urgency, signal)
    try {
      signal.check()
      return await work()
    } finally {
      this._used -= 1
      if (idly) this._usedIdly -= 1
      this.admit()
    }
  }

  /** Let in all who may enter now. */
  admit(): void {
    while (this._used < this._size) {
      const urgent = this._queue.findIndex((waiter) => waiter.urgency.urgent)
      const index = urgent >= 0 || this._usedIdly >= this._idle ? urgent : 0
      const [waiter] = index < 0 ? [] : this._queue.splice(index, 1)
      if (!waiter) return
      const idly = urgent < 0
      this._used += 1
      if (idly) this._usedIdly += 1
      waiter.enter(idly)
    }
  }

  private _turn(urgency: Urgency, signal: Signal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const waiter = {
        urgency,
        enter: (idly: boolean) => {
          forget()
          resolve(idly)
        },
      }
      const forget = signal.onCancel(() => {
        this._queue = this._queue.filter((other) => other !== waiter)
        reject(cancelled())
      })
      if (signal.cancelled) return
      this._queue.push(waiter)
      this.admit()
    })
  }
}
