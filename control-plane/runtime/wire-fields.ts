/** Reading the fields of a decoded message. Absent means default, as in proto3; what must be there and is not, throws. */
import { isObject, type Json, type JsonObject, ProtoError } from '../../proto/json.ts';

export class WireFields {
  readonly path: string;
  readonly #json: JsonObject;

  constructor(json: JsonObject, path: string) {
    this.#json = json;
    this.path = path;
  }

  /** Default ''. */
  text(name: string): string {
    const value = this.#json[name];
    return typeof value === 'string' ? value : '';
  }

  /** Default false. */
  flag(name: string): boolean {
    return this.#json[name] === true;
  }

  /** Of 32 or 64 bits, default 0. @throws ProtoError beyond 2^53, where a number of JavaScript is not exact. */
  count(name: string): number {
    const value = Number(this.#json[name] ?? 0);
    if (!Number.isSafeInteger(value)) throw new ProtoError(`${this.path}.${name}`, `${value} is too large`);
    return value;
  }

  /** 64 bits, default 0n. */
  bits(name: string): bigint {
    const value = this.#json[name];
    return typeof value === 'string' || typeof value === 'number' ? BigInt(value) : 0n;
  }

  texts(name: string): string[] {
    return this.#list(name).filter((member) => typeof member === 'string');
  }

  messages(name: string): WireFields[] {
    return this.#list(name).map(
      (member, index) => new WireFields(isObject(member) ? member : {}, `${this.path}.${name}[${index}]`),
    );
  }

  optional(name: string): WireFields | undefined {
    const value = this.#json[name];
    return isObject(value) ? new WireFields(value, `${this.path}.${name}`) : undefined;
  }

  /** @throws ProtoError when the message is absent. */
  message(name: string): WireFields {
    const value = this.optional(name);
    if (!value) throw new ProtoError(`${this.path}.${name}`, 'is missing');
    return value;
  }

  /** The member of a oneof that is set. @throws ProtoError when none of those is. */
  choice<Name extends string>(names: readonly Name[]): Name {
    const name = names.find((candidate) => this.#json[candidate] !== undefined);
    if (name === undefined) throw new ProtoError(this.path, `none of ${names.join(', ')} is set`);
    return name;
  }

  /** @throws ProtoError for the unspecified value and for one of a newer version. */
  word<Word extends string>(name: string, words: WireWords<Word>): Word {
    const value = this.#json[name];
    const word = words.all.find((candidate) => wireWord(words, candidate) === value);
    if (word === undefined) throw new ProtoError(`${this.path}.${name}`, `${value ?? 'unspecified'} is not known here`);
    return word;
  }

  #list(name: string): readonly Json[] {
    const value = this.#json[name];
    return Array.isArray(value) ? value : [];
  }
}

/** An enum of the wire and the model's words for it: prefix `HOW_` and `initdb` are `HOW_INITDB`. */
export interface WireWords<Word extends string> {
  readonly prefix: string;
  readonly all: readonly Word[];
}

export function wireWord<Word extends string>(words: WireWords<Word>, word: Word): string {
  return words.prefix + word.toUpperCase();
}
