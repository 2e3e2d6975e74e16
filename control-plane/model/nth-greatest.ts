/** The one that n values reach, counted from 1; undefined = there are fewer. For a few values: no list is made or sorted. */
export function nthGreatest(values: readonly number[], n: number): number | undefined {
  if (n < 1) return undefined;
  return values.find((value) => {
    let [above, level] = [0, 0];
    for (const other of values) {
      if (other > value) above++;
      else if (other === value) level++;
    }
    return above < n && n <= above + level;
  });
}
