#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "providers/docker/network.h"
#include "providers/docker/readiness.h"
#include "providers/docker/seen.h"
#include "providers/docker/steps.h"
#include "providers/provider.h"

// The rollout of one process: which of its containers are created, started, mended, retired, kept
// as evidence. Pure; used by diff.cc only.
namespace fairlead::docker {

// What the processes of an app share while its plan is drafted.
struct Draft {
  Draft(const View& of, const SeenApp& found, const Steps& with, Plan& into, Report& told)
      : view(of), seen(found), steps(with), plan(into), report(told), addresses("", {}) {}

  const View& view;
  const SeenApp& seen;
  const Steps& steps;
  Plan& plan;
  Report& report;
  Addresses addresses;
  std::vector<std::size_t> before;           // the steps before anything new may be created
  std::optional<std::size_t> network;        // the step that creates it; absent: it is there
  std::optional<std::size_t> volume;         // likewise
  std::map<std::string, std::size_t> pulls;  // image → the step that pulls it; absent: it is there
  std::map<std::string, std::size_t>
      secrets;                       // path → the step that writes it; absent: it is there
  std::optional<std::size_t> owned;  // the step that sets the volume's owner; absent: none does
  std::string keeper;                // by whose help; empty: nobody's
  std::string blocked;               // why nothing new may be created; empty: go
  bool refused = false;              // and that lasts: nothing goes in its favour either
  const SeenNetwork* own = nullptr;  // the app's network; null: there is none

  std::size_t add(Step step, std::string cause, std::vector<std::size_t> needs = {});
};

// Sets the container's restart policy to "no", stops and removes it: as many steps as its state
// needs, chained behind `needs`. Returns what later steps must wait for: the last of them, or
// `needs` where there is nothing to do.
enum class Ending { stop, remove };
std::vector<std::size_t> retire(Draft& draft, const SeenContainer& container, Ending ending,
                                const std::string& cause, std::vector<std::size_t> needs);

// Removes those that are not in use any more. (diff_storage.cc)
void clear_keepers(Draft& draft);

// One field's digest in the text of a container's label; empty: it has none of this name.
std::string field_digest(const std::string& fields, const std::string& name);

class ProcessDiff {
 public:
  ProcessDiff(Draft& draft, const ContainerSpec& spec);
  void run();

 private:
  using Slots = std::map<int, const SeenContainer*>;  // replica → its container; absent: none
  using Needs = std::vector<std::size_t>;             // indices of steps

  // Sorting what is seen.
  void sort_out();
  void sort_in(const SeenContainer& container);
  std::vector<int> missing() const;

  // The strategies.
  void suspend();
  void run_once();
  void roll();
  void roll_out(std::size_t healthy, Needs before);
  void recreate();
  Needs let_go(const SeenContainer& container, Ending ending, const std::string& cause,
               Needs needs);
  Needs stop_old(const Needs& needs);
  void start_fresh();
  void restore_old();
  bool gate_failed();
  bool is_late(const SeenContainer& container) const;
  bool cannot_start(const SeenContainer& container) const;
  void fail(const SeenContainer& container, const std::string& why);
  void clear_away();

  // diff_trials.cc: what came of earlier tries.
  bool failed_before();
  bool tried_since(Duration failed) const;
  Duration failed_at() const;
  void note_failure();
  void note_ends();
  bool has_ended(int replica) const;
  bool is_retried(const SeenContainer& ended) const;
  bool asked_since(const std::string& counter, Duration when) const;
  Needs clear_retried();
  void describe_ended();
  std::string serving_words() const;
  std::string with_times(const SeenContainer& container, const std::string& text) const;

  // Single containers.
  std::optional<std::size_t> create_slot(int replica, Needs needs);  // nothing: the report says why
  bool creatable(const std::string& name);
  std::size_t start_slot(int replica, Needs needs);
  void keep_running(const SeenContainer& container, Needs needs = {});
  Needs mend(const SeenContainer& container, const Needs& needs);
  Limits limits_for(const Detail& detail) const;
  void mend_settings(const SeenContainer& container, const Needs& needs);
  Needs mend_networks(const SeenContainer& container);
  void heal_unhealthy(const SeenContainer& container, const Readiness& is);
  bool is_ill(const SeenContainer& container, const Readiness& is) const;
  Counter restarts_of(const SeenContainer& container) const;
  Duration may_restart(const SeenContainer& container) const;  // steady: when
  bool goes_first(const SeenContainer& container, const SeenContainer& other) const;
  Needs secret_writes();
  std::vector<std::string> aliases() const;

  // diff_image.cc
  std::string image_to_create() const;
  std::string image_id_change(const SeenContainer& old) const;

  // diff_storage.cc
  Needs set_owner(const SeenContainer& container);
  std::optional<FolderEntry> owner_to_set(const SeenStorage& storage);
  std::size_t wait_for_owner(Needs needs);

  // Words.
  Readiness ready(const SeenContainer& container) const;
  std::string container_name(int replica) const;
  std::string cause_of_create() const;
  std::string changed_fields(const SeenContainer& old) const;
  void describe();
  void describe_current(const SeenContainer& container);
  void serves(const std::string& fingerprint);

  Draft& draft_;
  const ContainerSpec& spec_;
  Instant now_;
  Slots current_;                              // wanted fingerprint, replica wanted
  std::vector<const SeenContainer*> old_;      // other fingerprints; those that serve first
  std::vector<const SeenContainer*> surplus_;  // wanted fingerprint, more replicas than wanted
  std::vector<const SeenContainer*> stale_;    // evidence that no longer says anything
  const SeenContainer* failed_ = nullptr;      // evidence that the wanted fingerprint failed
  std::set<std::string> taken_;                // names that are about to become free
  Needs evidence_gone_;                        // the steps that remove earlier evidence
  Needs cleared_;                              // the steps after which surplus ones are gone
  Needs failing_;                              // the steps that put a failed one aside
  Trial trial_;                                // what came of the wanted fingerprint
  bool put_off_ = false;                       // it failed, and is not tried now
};

}  // namespace fairlead::docker
