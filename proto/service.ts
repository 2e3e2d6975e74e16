/** Methods of gRPC services, in the shape that @grpc/grpc-js takes. */
import { methodOf } from './registry.ts';

/** How one message type travels. Both may throw: the call then ends with a status, the process goes on. */
export interface Codec<T> {
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array): T;
}

export interface MethodDefinition<Request, Response> {
  /** For example `/howdah.v1.AgentService/Connect`. */
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  requestSerialize(value: Request): Buffer;
  requestDeserialize(bytes: Buffer): Request;
  responseSerialize(value: Response): Buffer;
  responseDeserialize(bytes: Buffer): Response;
}

/** What a server needs of a method. */
export type ServedMethod<Request, Response> = Pick<
  MethodDefinition<Request, Response>,
  'path' | 'requestDeserialize' | 'responseSerialize'
>;

/** @throws ProtoError when no .proto file declares the method */
export function methodDefinition<Request, Response>(
  service: string,
  method: string,
  request: Codec<Request>,
  response: Codec<Response>,
): MethodDefinition<Request, Response> {
  return {
    path: `/${service}/${method}`,
    ...methodOf(service, method),
    requestSerialize: (value) => buffer(request.encode(value)),
    requestDeserialize: (bytes) => request.decode(bytes),
    responseSerialize: (value) => buffer(response.encode(value)),
    responseDeserialize: (bytes) => response.decode(bytes),
  };
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
