// Marks on the lines whose dash another line of the chart has, too.

const EVERY = 60; // px between two marks of a line
const SHAPES = [null, square, triangle, cross];

export const marks = {
  draw(u, series, styles, shown) {
    series.forEach((one, place) => {
      if (!shown[place] || styles[place].again === 0) {
        return;
      }
      let last = -Infinity;
      one.y.forEach((value, index) => {
        const x = u.valToPos(u.data[0][index], "x", true);
        if (value !== null && value !== undefined && x - last >= EVERY * devicePixelRatio) {
          last = x;
          marks.one(u.ctx, styles[place], x, u.valToPos(value, "y", true), devicePixelRatio);
        }
      });
    });
  },

  one(context, style, x, y, scale) {
    const shape = SHAPES[style.again % SHAPES.length];
    if (shape === null) {
      return;
    }
    context.save();
    context.setLineDash([]);
    context.fillStyle = context.strokeStyle = style.colour;
    context.lineWidth = 1.5 * scale;
    context.beginPath();
    shape(context, x, y, 4 * scale);
    context.restore();
  },
};

function square(context, x, y, half) {
  context.fillRect(x - half, y - half, 2 * half, 2 * half);
}

function triangle(context, x, y, half) {
  context.moveTo(x, y - half);
  context.lineTo(x + half, y + half);
  context.lineTo(x - half, y + half);
  context.fill();
}

function cross(context, x, y, half) {
  for (const slope of [1, -1]) {
    context.moveTo(x - half, y - slope * half);
    context.lineTo(x + half, y + slope * half);
  }
  context.stroke();
}
