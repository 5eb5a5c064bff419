export const differences: {
  version: string
  list: { title: string; why: string }[]
} = { version: '', list: [] }
