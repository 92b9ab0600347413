/** Promises that can be cancelled, shared and counted. */
/** Tells those who work for a task that nobody wants it any more. */
export declare class Signal {
    cancelled: boolean;
    private _listeners;
    cancel(): void;
    /** Call `listener` on cancellation (now, if it has happened); returns how to take it back. */
    onCancel(listener: () => void): () => void;
    check(): void;
}
/** A promise with `cancel()`, after which it rejects with code `cancelled`. */
export interface Task<T> extends Promise<T> {
    cancel(): void;
}
/** Run `work`; cancelling the task cancels its signal and rejects at once. */
export declare function startTask<T>(work: (signal: Signal) => Promise<T>, signal?: Signal): Task<T>;
/** Wait, unless cancelled first. */
export declare function pause(ms: number, signal: Signal): Promise<void>;
/** Whether somebody is waiting for the result, or it is only fetched ahead of need. */
export interface Urgency {
    urgent: boolean;
}
/** Any number of callers, one piece of work a key; it ends when the last caller has cancelled. */
export declare class Flights<T> {
    private _promoted;
    private _flights;
    constructor(_promoted?: () => void);
    join(key: string, urgent: boolean, work: (signal: Signal, urgency: Urgency) => Promise<T>): Task<T>;
    private _begin;
    private _leave;
}
/** At most `size` pieces of work at once, of which at most `idle` are not urgent; urgent ones go first. */
export declare class Slots {
    private _size;
    private _idle;
    private _used;
    private _usedIdly;
    private _queue;
    constructor(_size: number, _idle: number);
    run<T>(urgency: Urgency, signal: Signal, work: () => Promise<T>): Promise<T>;
    /** Let in all who may enter now. */
    admit(): void;
    private _turn;
}
