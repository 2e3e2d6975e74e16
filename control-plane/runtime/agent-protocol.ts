import type { Goal } from '../model/goal.ts';
import type { InstanceReport, Placement } from '../model/instance.ts';
import type { Settings } from '../model/settings.ts';

/**
 * What an agent and the control plane say to each other on the one bidirectional stream of howdah.v1.AgentService, in
 * the model's terms. The wire form is proto/howdah/v1/agent.proto; agent-wire.ts converts.
 */
export type AgentMessage = AgentHello | AgentReport;

/** Always the first message of a stream. */
export interface AgentHello {
  readonly kind: 'hello';
  readonly cluster: string;
  readonly instance: string;
  readonly bootId: string;
  readonly placement: Placement;
  /** `server_version_num / 10000`, for example 18. */
  readonly postgresMajor: number;
}

export interface AgentReport {
  readonly kind: 'report';
  readonly report: InstanceReport;
}

export type ControlMessage = GoalCommand | ReportRequest | ReportAck | SettingsCommand | CheckSettings;

export interface GoalCommand {
  readonly kind: 'goal';
  /** Idempotency id: goalId(goal). */
  readonly id: string;
  readonly goal: Goal;
  /** In which the sender leads; an agent that took a goal of a higher one ignores it. 0: there is one control plane. */
  readonly term: number;
}

/** Observe PostgreSQL and report at once. */
export interface ReportRequest {
  readonly kind: 'report-request';
}

/** PostgreSQL's settings from now on; sent before any goal of a connection, and when they change. */
export interface SettingsCommand {
  readonly kind: 'settings';
  readonly settings: Settings;
}

/** What would PostgreSQL say against these settings? Nothing is changed; a report has the answer with this id. */
export interface CheckSettings {
  readonly kind: 'check-settings';
  readonly id: number;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The report `seq` arrived: the lease counts from the moment the agent sent that report, never from this answer. */
export interface ReportAck {
  readonly kind: 'report-ack';
  readonly seq: number;
  readonly leaseMs: number;
}
