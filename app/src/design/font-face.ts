/** How one weight of the interface font is named on this platform. */
export type FontWeight = 400 | 500 | 600 | 700;

export interface FontFace {
  fontFamily: string;
  fontWeight?: FontWeight;
}
