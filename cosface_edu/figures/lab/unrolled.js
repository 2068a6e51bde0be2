// The cosine continued past π so that it keeps falling: (-1)^k cosφ - 2k with k = ⌊φ/π⌋ (SphereFace, Eq. 7).
const flipped = (phi) => Math.floor(phi / Math.PI) % 2 !== 0;
export const unrolledCos = (phi) => (flipped(phi) ? -1 : 1) * Math.cos(phi) - 2 * Math.floor(phi / Math.PI);
export const unrolledSlope = (phi) => (flipped(phi) ? 1 : -1) * Math.sin(phi);
