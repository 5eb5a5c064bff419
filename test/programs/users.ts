/** Being another user than root. */

/** From now on this process is one of the user nobody. */
export function becomeNobody(): void {
  process.setgroups!([])
  process.setgid!(65534)
  process.setuid!(65534)
}
