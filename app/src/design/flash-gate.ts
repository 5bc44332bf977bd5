/** While a list scrolls nothing flashes: the eye is busy, and so is the frame. */
export const flashGate = { closed: false };
