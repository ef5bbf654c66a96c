package reconcile

// SyncStatus says whether the world is as declared.
type SyncStatus string

// The sync statuses.
const (
	SyncStatusSynced    SyncStatus = "Synced"
	SyncStatusOutOfSync SyncStatus = "OutOfSync"
	SyncStatusUnknown   SyncStatus = "Unknown"
)

// HealthStatus says how a resource fares.
type HealthStatus string

// The health statuses.
const (
	HealthHealthy     HealthStatus = "Healthy"
	HealthDegraded    HealthStatus = "Degraded"
	HealthProgressing HealthStatus = "Progressing"
	HealthMissing     HealthStatus = "Missing"
	HealthSuspended   HealthStatus = "Suspended"
)

// OperationPhase says what is being done to a resource.
type OperationPhase string

// The operation phases.
const (
	OperationIdle    OperationPhase = "Idle"
	OperationSyncing OperationPhase = "Syncing"
	OperationWaiting OperationPhase = "Waiting"
)

// ResourceStatus is the state of a resource on three axes.
type ResourceStatus struct {
	Sync      SyncStatus     `json:"sync"`
	Health    HealthStatus   `json:"health"`
	Operation OperationPhase `json:"operation"`
	Message   string         `json:"message,omitempty"`
}

// NewResourceStatus returns a status with the operation Idle.
func NewResourceStatus(sync SyncStatus, health HealthStatus) ResourceStatus {
	return ResourceStatus{Sync: sync, Health: health, Operation: OperationIdle}
}
