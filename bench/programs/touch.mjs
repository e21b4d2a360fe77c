// Uses so many bytes of memory, and ends.
const PIECE = 64 << 20

const used = []
for (let left = Number(process.argv[2]); left > 0; left -= PIECE) used.push(Buffer.alloc(Math.min(PIECE, left), 1))
