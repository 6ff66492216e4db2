// The part of ProcessDiff that concerns single containers: creating, starting, mending, describing
// them.

#include <algorithm>
#include <sstream>
#include <utility>

#include "providers/docker/backends.h"
#include "providers/docker/diff_process.h"
#include "reconciler/image_ref.h"
#include "reconciler/units.h"

namespace fairlead::docker {
namespace {

using std::chrono::milliseconds;

constexpr int fields_shown_max = 3;

std::map<std::string, std::string> parse_fields(const std::string& text) {
  std::map<std::string, std::string> fields;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.rfind('=');
    if (equals != word.npos) fields[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return fields;
}

// "acme/blog:0041 → 0042" where the repository is the same, else both whole.
std::string image_change(const std::string& before, const std::string& after) {
  const auto image = ImageRef::parse(after);
  const std::size_t name = image ? image->name.size() + 1 : 0;
  const bool same_repository = image && before.compare(0, name, after, 0, name) == 0;
  return before + " → " + (same_repository ? after.substr(name) : after);
}

std::string limits_change(const Limits& seen, const Limits& wanted) {
  std::string text;
  const auto say = [&](const char* name, std::int64_t before, std::int64_t after, auto format) {
    const auto written = [&](std::int64_t limit) { return limit == 0 ? "none" : format(limit); };
    if (before == after) return;
    text += std::string(text.empty() ? "" : ", ") + name + " " + written(before) + " → " +
            written(after);
  };
  say("memory", seen.memory, wanted.memory, format_bytes);
  say("cpus", seen.nano_cpus, wanted.nano_cpus, format_cpus);
  say("pids", seen.pids, wanted.pids, [](std::int64_t pids) { return std::to_string(pids); });
  return text;
}

}  // namespace

bool ProcessDiff::creatable(const std::string& name) {
  Report& report = draft_.report;
  if (!draft_.blocked.empty()) return false;  // said by the app
  if (taken_.count(name) > 0) {
    report.due(now_.steady + removal_poll);
    report.worsen(HealthState::progressing, "Removing", name + " is being removed by the engine");
    return false;
  }
  if (const auto foreign = draft_.seen.foreign.find(name); foreign != draft_.seen.foreign.end()) {
    report.conflicts.push_back(
        {"container " + name, "the name is taken by " + foreign->second + "; rename or remove it"});
    return false;
  }
  return true;
}

std::optional<std::size_t> ProcessDiff::create_slot(int replica, Needs needs) {
  const std::string name = container_name(replica);
  if (!creatable(name)) return std::nullopt;
  const std::optional<std::string> address = draft_.addresses.take();
  if (!address) {
    draft_.report.worsen(HealthState::degraded, "NoAddress",
                         "the app's network has no free address; fewer replicas, or remove the "
                         "network while the app is suspended, and it is made larger");
    return std::nullopt;
  }
  if (draft_.network) needs.push_back(*draft_.network);
  if (draft_.volume && spec_.stores) needs.push_back(*draft_.volume);
  if (const auto pull = draft_.pulls.find(spec_.image); pull != draft_.pulls.end()) {
    needs.push_back(pull->second);
  }
  needs.insert(needs.end(), draft_.before.begin(), draft_.before.end());
  const Needs secrets = secret_writes();
  needs.insert(needs.end(), secrets.begin(), secrets.end());
  const Attachment attachment{network_name(spec_.app), *address, aliases()};
  ContainerSpec made = spec_;
  made.body.set("Image", image_to_create());
  return draft_.add(draft_.steps.create(made, replica, attachment), cause_of_create(),
                    std::move(needs));
}

std::size_t ProcessDiff::start_slot(int replica, Needs needs) {
  needs.insert(needs.end(), cleared_.begin(), cleared_.end());
  if (spec_.owner) needs = {wait_for_owner(std::move(needs))};
  return draft_.add(draft_.steps.start_new(spec_, replica), "created for this", std::move(needs));
}

ProcessDiff::Needs ProcessDiff::secret_writes() {
  Needs writes;
  for (const SecretFile& file : spec_.secrets) {
    if (draft_.seen.secret_files.count(file.path) > 0) continue;
    auto written = draft_.secrets.find(file.path);
    if (written == draft_.secrets.end()) {
      const std::size_t step = draft_.add(Steps::write_secret(file), "mounted by " + spec_.process);
      written = draft_.secrets.emplace(file.path, step).first;
    }
    writes.push_back(written->second);
  }
  return writes;
}

void ProcessDiff::keep_running(const SeenContainer& container, Needs needs) {
  if (container.going()) return;
  const Needs mended = mend(container, needs);
  if (container.state == "paused") {
    draft_.add(draft_.steps.unpause(container), "paused by hand", std::move(needs));
  } else if (container.state == "created" || container.state == "exited") {
    const Needs secrets = secret_writes();
    needs.insert(needs.end(), mended.begin(), mended.end());
    needs.insert(needs.end(), secrets.begin(), secrets.end());
    needs.insert(needs.end(), cleared_.begin(), cleared_.end());
    const bool fresh = container.state == "created";
    if (fresh) {
      const Needs owned = set_owner(container);
      needs.insert(needs.end(), owned.begin(), owned.end());
      needs.insert(needs.end(), draft_.before.begin(), draft_.before.end());
    }
    draft_.add(draft_.steps.start(container), fresh ? "created for this" : evidence(container),
               std::move(needs));
  } else if (old_.empty()) {
    heal_unhealthy(container, ready(container));
  }
}

// Settings wait for `needs` too: a policy that revives it must not come while another holds its
// storage.
ProcessDiff::Needs ProcessDiff::mend(const SeenContainer& container, const Needs& needs) {
  if (container.name != container.canonical_name() && !container.failed()) {
    draft_.add(draft_.steps.rename(container, container.canonical_name()), "renamed by hand");
  }
  if (container.detail) mend_settings(container, needs);
  return mend_networks(container);
}

void ProcessDiff::mend_settings(const SeenContainer& container, const Needs& needs) {
  const Detail& detail = *container.detail;
  const Limits wanted = limits_for(detail);
  const bool current = container.identity.fingerprint == spec_.fingerprint;
  const bool limits_differ = current && detail.limits != wanted;
  const bool restart_differs = detail.restart != spec_.restart;
  if (!limits_differ && !restart_differs) return;
  std::string cause = limits_differ ? limits_change(detail.limits, wanted) : "";
  if (restart_differs) {
    cause += (cause.empty() ? "" : ", ") + ("restart " + detail.restart + " → " + spec_.restart);
  }
  const std::optional<Limits> limits = limits_differ ? std::optional(wanted) : std::nullopt;
  draft_.add(draft_.steps.update(container, limits, restart_differs ? spec_.restart : ""),
             std::move(cause), needs);
}

// The engine cannot take a limit of CPUs or memory away; all that the host has is as good as none.
Limits ProcessDiff::limits_for(const Detail& detail) const {
  Limits wanted = spec_.limits;
  const Json& facts = draft_.view.session->facts;
  if (wanted.nano_cpus == 0 && detail.limits.nano_cpus != 0) {
    wanted.nano_cpus = facts["cpus"].as_int() * 1'000'000'000;
  }
  if (wanted.memory == 0 && detail.limits.memory != 0) {
    // An engine that does not tell how much there is has its limit left.
    wanted.memory = facts["memory"].as_int(detail.limits.memory);
  }
  return wanted;
}

ProcessDiff::Needs ProcessDiff::mend_networks(const SeenContainer& container) {
  Needs mended;
  const std::string own = network_name(spec_.app);
  const std::string wanted_id = draft_.own ? draft_.own->id : "";
  bool attached = false;
  const auto& guests = draft_.view.guests;
  for (const auto& [name, endpoint] : *container.networks) {
    // Apps that use this service have it in their networks.
    if (std::binary_search(guests.begin(), guests.end(), name)) continue;
    // A container that never ran has no network id yet.
    const bool same =
        endpoint.network_id.empty() || wanted_id.empty() || endpoint.network_id == wanted_id;
    if (name == own && same && !draft_.network) {
      attached = true;
    } else {
      // The engine forgets an endpoint of a lost network only when a network of this name is there
      // again.
      const Needs needs = draft_.network ? Needs{*draft_.network} : Needs{};
      const std::string cause = name == own ? "attached to a network that is gone"
                                            : "network " + name + " is not in the manifest";
      mended.push_back(draft_.add(draft_.steps.disconnect(container, name), cause, needs));
    }
  }
  if (attached || !draft_.blocked.empty()) return mended;
  const std::optional<std::string> address = draft_.addresses.take();
  if (!address) return mended;
  Needs needs = mended;
  if (draft_.network) needs.push_back(*draft_.network);
  const Attachment attachment{network_name(spec_.app), *address, aliases()};
  return {draft_.add(draft_.steps.connect(container, attachment), "not attached to network " + own,
                     std::move(needs))};
}

bool ProcessDiff::is_ill(const SeenContainer& container, const Readiness& is) const {
  return is.broken() && container.state == "running" &&
         container.detail->restart_count < crash_loop_restarts;
}

Counter ProcessDiff::restarts_of(const SeenContainer& container) const {
  const auto found = draft_.view.memory->counters.find("restart " + container.name);
  return found == draft_.view.memory->counters.end() ? Counter() : found->second;
}

Duration ProcessDiff::may_restart(const SeenContainer& container) const {
  const Counter restarts = restarts_of(container);
  return restarts.count == 0 ? Duration(0) : restarts.last + retry_after(restarts.count + 1);
}

// Whether the restart of `container` waits for that of `other`: while one replica starts, the
// others are left to serve as well as they can, and of those that are ill the one comes first whose
// last restart was longest ago. One that the engine does not get restarted, or that takes longer
// than it may, holds up nobody.
bool ProcessDiff::goes_first(const SeenContainer& container, const SeenContainer& other) const {
  const Readiness is = ready(other);
  const bool starts = other.state == "running" && other.detail && !is.ready() && !is.broken();
  if (starts) return now_.steady < other.detail->started + deadline_of(spec_, other);
  const auto& counters = draft_.view.memory->counters;
  const bool fails = counters.count("failed restart container " + other.name) > 0;
  if (!is_ill(other, is) || fails || now_.steady < may_restart(other)) return false;
  const auto order = [&](const SeenContainer& of) {
    return std::pair(restarts_of(of).last, of.identity.replica);
  };
  return order(other) < order(container);
}

// The app's name means its main process. What is attached already keeps the names that it has: to
// give it others would cut its connections.
std::vector<std::string> ProcessDiff::aliases() const {
  if (spec_.process == main_process) return {spec_.process, spec_.app};
  return {spec_.process};
}

// Nobody else restarts what is unhealthy: the engine only restarts what ends.
void ProcessDiff::heal_unhealthy(const SeenContainer& container, const Readiness& is) {
  if (!is_ill(container, is)) return;
  if (const Duration due = may_restart(container); now_.steady < due) {
    return draft_.report.due(due);
  }
  for (const auto& [replica, other] : current_) {
    if (other != &container && goes_first(container, *other)) return;
  }
  Step step = draft_.steps.restart(container);
  step.count_as = "restart " + container.name;
  draft_.add(std::move(step), is.text);
}

std::string ProcessDiff::cause_of_create() const {
  if (!old_.empty()) {
    const std::string changed = changed_fields(*old_.front());
    if (!changed.empty()) return changed;
  }
  if (failed_ || trial_.failures > 0) return "tries again";
  return current_.empty() ? "there is none" : "replicas: " + std::to_string(spec_.replicas);
}

std::string ProcessDiff::changed_fields(const SeenContainer& old) const {
  const std::map<std::string, std::string> before = parse_fields(old.fields);
  const App& app = *draft_.view.wanted->app;
  std::vector<std::string> changes;
  for (const auto& [name, field] : spec_.fields) {
    const auto held = before.find(name);
    if (held != before.end() && held->second == field.digest) continue;
    if (name == "image_id") continue;
    std::string text = name + (held == before.end() ? " added" : " changed");
    if (name == "image" && old.detail)
      text = "image " + image_change(old.detail->image, spec_.image);
    changes.push_back(text + " (" + app.where(field.path) + ")");
  }
  for (const auto& [name, digest] : before) {
    if (spec_.fields.count(name) > 0 || name == "image_id") continue;
    changes.push_back(name + " removed (" + app.where("") + ")");
  }
  const auto image = spec_.fields.find("image");
  const bool same_reference =
      image != spec_.fields.end() && field_digest(old.fields, "image") == image->second.digest;
  const auto id = spec_.fields.find("image_id");
  const std::string said = id == spec_.fields.end() ? "" : id->second.digest;
  if (same_reference && field_digest(old.fields, "image_id") != said) {
    changes.push_back(image_id_change(old));
  }
  std::string text;
  const std::size_t shown = std::min<std::size_t>(changes.size(), fields_shown_max);
  for (std::size_t i = 0; i < shown; ++i) text += (i == 0 ? "" : ", ") + changes[i];
  if (changes.size() > shown) text += ", and " + std::to_string(changes.size() - shown) + " more";
  return text;
}

void ProcessDiff::serves(const std::string& fingerprint) {
  std::string& running = draft_.report.running;
  const std::string text = spec_.process + "=" + fingerprint.substr(0, fingerprint_in_name);
  if (running.find(text) != running.npos) return;
  running += (running.empty() ? "" : " ") + text;
}

void ProcessDiff::describe_current(const SeenContainer& container) {
  Report& report = draft_.report;
  const Readiness is = ready(container);
  const std::string state = container.state == is.text ? is.text : container.state + ", " + is.text;
  report.resources.push_back({"container", container.name, state, ""});
  if (is.due) report.due(*is.due);
  if (is.ready()) return serves(container.identity.fingerprint);
  if (is.broken() && failing_.empty()) {
    if (!spec_.once) report.gate_failed = true;
    const bool loop = container.detail && container.detail->restart_count >= crash_loop_restarts;
    report.worsen(HealthState::degraded,
                  spec_.once && container.state == "exited" ? "Failed"
                  : loop                                    ? "CrashLoop"
                                                            : "HealthCheckFailed",
                  container.name + ": " + with_times(container, is.text));
  } else if (!spec_.once && container.state == "running" && !is.due && is_late(container)) {
    report.gate_failed = true;
    report.worsen(HealthState::degraded, "DeadlineExceeded",
                  container.name + " is not healthy within its deadline: " +
                      with_times(container, is.text) + shortfall(spec_, container));
  } else if (!spec_.once || container.state != "running") {
    const bool runs = container.state == "running" && container.detail;
    const Duration late =
        runs ? container.detail->started + deadline_of(spec_, container) : Duration(0);
    if (late > now_.steady) report.due(late);
    report.worsen(HealthState::progressing, "Starting", container.name + ": " + is.text);
  } else {
    report.worsen(HealthState::progressing, "Running", container.name + " runs to its end");
  }
}

void ProcessDiff::describe() {
  Report& report = draft_.report;
  const bool suspended = draft_.view.wanted->app->suspend;
  for (const auto& [replica, container] : current_) {
    if (suspended) {
      report.resources.push_back({"container", container->name, container->state, "suspended"});
    } else {
      describe_current(*container);
    }
  }
  for (const SeenContainer* container : old_) {
    report.resources.push_back(
        {"container", container->name, container->state, "an earlier revision"});
    if (container->state == "running") serves(container->identity.fingerprint);
  }
  if (failed_)
    report.resources.push_back({"container", failed_->name, failed_->state, evidence(*failed_)});
  describe_ended();
  if (suspended || missing().empty() || failed_ || put_off_ || draft_.refused) return;
  const bool blocked = !draft_.blocked.empty();
  const bool none = blocked && current_.empty() && old_.empty();
  report.worsen(none ? HealthState::missing : HealthState::progressing,
                none ? "Missing" : "Starting",
                blocked ? draft_.blocked : container_name(missing().front()) + " is not there yet");
  report.out_of_sync("Starting", "");
}

}  // namespace fairlead::docker
