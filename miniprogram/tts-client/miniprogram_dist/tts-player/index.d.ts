/** The player: text, highlight, controls. All that is not on the screen is done by `Reader`. */
export {};
