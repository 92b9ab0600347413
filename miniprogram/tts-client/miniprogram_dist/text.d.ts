/** Text into sentences, and sentences into pieces that are synthesised in one go. Loses nothing. */
/** Half-open stretch of a text. */
export interface Span {
    begin: number;
    end: number;
}
/** Sentences that tile `text`; a very long one is cut at a comma, or anywhere if it has none. */
export declare function sentencesOf(text: string): Span[];
/** Runs of whole sentences of at most `maxChars`; the first run is short, so that the sound begins soon. */
export declare function piecesOf(sentences: Span[], maxChars: number): Span[];
/** Index of the span that holds `position`; the nearest one where none does. */
export declare function spanAt(spans: Span[], position: number): number;
export declare function hasSpeech(text: string): boolean;
