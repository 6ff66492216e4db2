#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reconciler/trials.h"
#include "reconciler/world.h"

// What is known of one app after its last pass. Two axes, sync and health, never mixed: an app can
// serve well (Healthy) and not be what is wanted (OutOfSync). Values, made by diff, kept by the
// Reconciler, shown by `fairlead status`.
namespace fairlead {

enum class SyncState { synced, out_of_sync, unknown };
// In the order in which one hides another: the worst of an app's processes is the app's.
enum class HealthState { healthy, suspended, progressing, missing, degraded, unknown };

const char* sync_name(SyncState sync);        // "Synced", …
const char* health_name(HealthState health);  // "Healthy", …

// One resource in the status.
struct ResourceState {
  std::string kind;   // "container"
  std::string name;   // "blog.web.3f9c2a1b"
  std::string state;  // "running, healthy"
  std::string cause;  // why it is not as wanted, or empty
};

// A foreign object in the way.
struct Conflict {
  std::string resource;  // "network blog"
  std::string message;   // whose it is, and what to do
};

// One way from outside to the app, by the edge or by a published port (tcp), or why it is none.
struct RouteState {
  std::string host;                    // "blog.example.org", "*.example.org"; of tcp "ADDRESS:PORT"
  std::string path;                    // "/"; empty of tcp
  std::string proto;                   // "http", "https", "grpc", "tcp"
  std::vector<std::string> upstreams;  // "10.213.0.66:8080"
  std::string certificate;             // "self-signed", "file blog.example.org.crt"; empty: none
  Duration expires{0};                 // wall; of the certificate; 0: there is none
  std::string state;                   // "live", "waiting", "rejected", "not served"
  std::string cause;                   // why it is not live
};

// What a diff found of one app. Begins as Synced and Healthy; each finding can only make it worse.
struct Report {
  SyncState sync = SyncState::synced;
  HealthState health = HealthState::healthy;
  std::string reason;   // CamelCase word of the worst finding, as in Flux: HealthCheckFailed,
                        // DependencyNotReady
  std::string message;  // for people
  std::vector<ResourceState> resources;
  std::vector<Conflict> conflicts;
  std::vector<RouteState> routes;
  // What is well and will not stay so, or is not what was meant: sync and health know nothing of
  // it.
  std::vector<std::string> warnings;
  std::string running;       // revision that runs: fingerprints of the serving containers
  std::string wanted;        // revision that is wanted
  std::string owned_by;      // the mark of another owner on something of the app's name (owners.h)
  bool gate_failed = false;  // the wanted revision is known not to get healthy
  // What came of the wanted revisions, to be remembered in place of what was; absent: nobody
  // looked.
  std::optional<Trials> trials;
  std::optional<Duration>
      look_again;  // steady time at which something becomes due without any event

  // Takes over health, reason and message where `found` is worse than what is held.
  void worsen(HealthState found, std::string_view why, std::string_view text);
  void out_of_sync(std::string_view why, std::string_view text);
  void due(Duration at);  // the earliest wins
  void warn(std::string text);
};

}  // namespace fairlead
