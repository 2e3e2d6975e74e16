import { AGENT_SERVER_OPTIONS, AgentService } from '../../control-plane/manager/agent-service.ts';
import type { AgentConnection } from '../../control-plane/manager/agent-stream.ts';
import type { InstanceReport } from '../../control-plane/model/instance.ts';
import { systemClock } from '../../control-plane/runtime/clock.ts';
import { createLogger } from '../../control-plane/runtime/logger.ts';
import { RpcServer } from '../../grpc/rpc-server.ts';

/** A control plane's side of the agents' streams on a port of 127.0.0.1, which remembers what happened on them. */
export class AgentServer {
  readonly hellos: AgentConnection[] = [];
  readonly reports: InstanceReport[] = [];
  readonly gone: { readonly id: string; readonly reason: string; readonly at: number }[] = [];
  readonly service: AgentService;
  /** What onHello throws, if anything. */
  refusal: Error | undefined;
  port = 0;
  /** Reports are answered, so that a primary keeps its lease. */
  renewing = false;
  readonly #server = new RpcServer({ ...AGENT_SERVER_OPTIONS, messageBytesMost: 4 * 1024 * 1024, clock: systemClock });

  constructor() {
    this.service = new AgentService({
      clock: systemClock,
      log: createLogger({ level: 'silent', format: 'json' }),
      onHello: (connection) => {
        if (this.refusal) throw this.refusal;
        this.hellos.push(connection);
      },
      onReport: (connection, report) => {
        this.reports.push(report);
        if (this.renewing) connection.send({ kind: 'report-ack', seq: report.seq, leaseMs: 5000 });
      },
      onGone: ({ id }, reason) => this.gone.push({ id, reason, at: performance.now() }),
    });
    this.service.register(this.#server);
  }

  /** Default port: a free one. */
  async listen(port = 0): Promise<void> {
    this.port = await this.#server.listen({ host: '127.0.0.1', port });
  }

  stop(): void {
    this.service.close();
    void this.#server.close();
  }
}
