/**
 * Text in a picture: escaped for XML, and cut to the pixels there are. All of it is in a
 * monospaced face, so that its width is known without asking a browser.
 */
import { visible } from '../../visible.js'
import { columnsOf, fitting } from '../columns.js'

/** Width of a character as a part of its height; the faces there are take 0.55 to 0.61. */
const ADVANCE = 0.61

/** Pixels that a text takes. */
export function widthOf(text: string, size: number): number {
  return columnsOf(text) * size * ADVANCE
}

/** How many characters fit into so many pixels. */
export function columnsIn(pixels: number, size: number): number {
  return Math.max(0, Math.floor(pixels / (size * ADVANCE)))
}

/** As much of a text as fits into so many pixels. */
export function cutTo(text: string, pixels: number, size: number): string {
  return fitting(text, columnsIn(pixels, size))
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}

/** What is no character of XML, besides what `visible` shows by its code. */
const NO_CHARACTER = /[\ufffe\uffff]/g

/** For the content of an element and for attributes in double quotes. */
export function xml(text: string): string {
  return visible(text)
    .replace(NO_CHARACTER, (c) => `\\u{${c.charCodeAt(0).toString(16)}}`)
    .replace(/[&<>"]/g, (c) => ENTITIES[c]!)
}

/** A number with at most two decimals. */
export function n(value: number): string {
  return String(Math.round(value * 100) / 100)
}
