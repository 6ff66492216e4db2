#include "reconciler/updates.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace fairlead {
namespace {

using namespace std::chrono_literals;

constexpr int updates_schema = 1;
constexpr std::size_t failed_max = 8;
constexpr std::size_t tags_kept = 100;
constexpr Duration error_wait_min = 30s;
constexpr Duration error_wait_max = 1h;

// FNV-1a: enough to see that a text is another one.
std::string fingerprint(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ull;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  std::array<char, 17> hex{};
  std::snprintf(hex.data(), hex.size(), "%016llx", static_cast<unsigned long long>(hash));
  return hex.data();
}

Duration error_wait(int failures) {
  return std::min<Duration>(error_wait_min * (1 << std::clamp(failures - 1, 0, 10)),
                            error_wait_max);
}

Json encoded(const std::optional<Updates::Choice>& choice) {
  if (!choice) return {};
  return Json::object({{"tag", choice->tag}, {"digest", choice->digest}});
}

// Nothing where it would not make a reference.
std::optional<Updates::Choice> decoded(const Json& json, const ImageRef& ref) {
  Updates::Choice choice{json["tag"].as_string(), json["digest"].as_string()};
  const bool good = !choice.tag.empty() && !choice.digest.empty() &&
                    ImageRef::parse(ref.at(choice.tag, choice.digest)).has_value();
  return good ? std::optional(choice) : std::nullopt;
}

LogRecord record(const std::string& app, const ImageRef& ref, std::string cause) {
  LogRecord made;
  made.app = app;
  made.verb = "update";
  made.resource = "image " + ref.name;
  made.cause = std::move(cause);
  return made;
}

}  // namespace

std::string Updates::Entry::reference() const {
  if (trying) return ref.at(trying->tag, trying->digest);
  return good ? ref.at(good->tag, good->digest) : image;
}

void Updates::restore(const std::string& app, std::string_view text) {
  const Result<Json> json = Json::parse(text);
  if (!json || (*json)["schema"].as_int() != updates_schema) return;
  const auto ref = ImageRef::parse((*json)["image"].as_string());
  const Result<Track> track = Track::parse((*json)["track"].as_string());
  if (!ref || !track) return;
  Entry& entry = entries_[app];
  entry.image = (*json)["image"].as_string();
  entry.ref = *ref;
  entry.update = Update{*track};
  entry.edition = (*json)["edition"].as_string();
  entry.good = decoded((*json)["good"], *ref);
  entry.trying = decoded((*json)["trying"], *ref);
  for (const Json& item : (*json)["failed"].items()) {
    const auto choice = decoded(item, *ref);
    if (choice) entry.failed.push_back({*choice, item["why"].as_string()});
  }
}

void Updates::want(const App& app, const std::string& manifest, Instant now) {
  const auto ref = ImageRef::parse(app.image);
  if (!ref) return forget(app.name);
  const std::string edition = fingerprint(manifest);
  const std::string track = app.update ? app.update->track.text : "";
  Entry& entry = entries_[app.name];
  const bool same = entry.image == app.image && entry.track() == track;
  if (entry.known && same && entry.edition == edition) return;
  if (entry.known) stop(app.name, entry);
  if (!same) entry = Entry{};
  entry.known = true;
  if (entry.edition != edition) entry.failed.clear();
  entry.image = app.image;
  entry.source = app.document->start.file;
  entry.ref = *ref;
  entry.update = app.update;
  entry.edition = edition;
  entry.failures = 0;
  entry.decided = !entry.update || entry.good || entry.trying;
  if (entry.update) schedule(app.name, entry, now.steady);
}

void Updates::forget(const std::string& app) {
  const auto found = entries_.find(app);
  if (found == entries_.end()) return;
  stop(app, found->second);
  entries_.erase(found);
}

void Updates::ask(const std::string& app, Instant now) {
  const auto found = entries_.find(app);
  if (found == entries_.end()) return;
  found->second.by_hand = true;
  if (!found->second.inquiry) schedule(app, found->second, now.steady);
}

std::string Updates::image(const std::string& app) const {
  const auto found = entries_.find(app);
  return found == entries_.end() ? "" : found->second.reference();
}

bool Updates::undecided(const std::string& app) const {
  const auto found = entries_.find(app);
  return found != entries_.end() && !found->second.decided;
}

bool Updates::asking(const std::string& app) const {
  const auto found = entries_.find(app);
  return found != entries_.end() && (found->second.by_hand || found->second.inquiry);
}

void Updates::schedule(const std::string& app, Entry& entry, Duration due) {
  auto& waiting = lanes_[entry.ref.registry].waiting;
  waiting.erase({entry.due, app});
  entry.due = due;
  if (due != Duration::max()) waiting.insert({due, app});
}

// Whatever is asked for it now is of no interest any more; an answer that still comes only frees
// the registry.
void Updates::stop(const std::string& app, Entry& entry) {
  schedule(app, entry, Duration::max());
  Lane& lane = lanes_[entry.ref.registry];
  if (lane.talking == app) lane.talking.clear();
  entry.inquiry.reset();
  entry.ticket = 0;
}

void Updates::begin(Entry& entry, const Platform& platform) const {
  Inquiry::Question question;
  question.image = entry.ref;
  question.current = entry.current();
  if (entry.update) question.track = entry.update->track;
  question.anonymous = !may_log_in(tenant_of(platform.tenants, entry.source));
  question.list = entry.listing = entry.by_hand;
  entry.inquiry.emplace(std::move(question), platform);
}

std::vector<Updates::Question> Updates::wake(Instant now, const Platform& platform) {
  std::vector<Question> questions;
  for (auto& [registry, lane] : lanes_) {
    if (lane.busy) continue;
    if (lane.talking.empty()) {
      if (lane.waiting.empty() || lane.waiting.begin()->first > now.steady) continue;
      lane.talking = lane.waiting.begin()->second;
      Entry& next = entries_.at(lane.talking);
      schedule(lane.talking, next, Duration::max());
      begin(next, platform);
    }
    Entry& entry = entries_.at(lane.talking);
    entry.ticket = ++last_ticket_;
    out_[entry.ticket] = {lane.talking, registry};
    lane.busy = true;
    questions.push_back({entry.ticket, lane.talking, entry.inquiry->next()});
  }
  return questions;
}

Duration Updates::due() const {
  Duration first = Duration::max();
  for (const auto& [registry, lane] : lanes_) {
    if (lane.busy) continue;
    if (!lane.talking.empty()) return Duration(0);
    if (!lane.waiting.empty()) first = std::min(first, lane.waiting.begin()->first);
  }
  return first;
}

Updates::Change Updates::take(std::uint64_t ticket, const Answer& answer, Instant now) {
  Change change;
  const auto sent = out_.find(ticket);
  if (sent == out_.end()) return change;
  const auto [app, registry] = sent->second;
  out_.erase(sent);
  Lane& lane = lanes_[registry];
  lane.busy = false;
  const auto held = entries_.find(app);
  if (held == entries_.end() || held->second.ticket != ticket) return change;
  Entry& entry = held->second;
  entry.inquiry->take(answer);
  entry.ticket = 0;
  if (!entry.inquiry->finished()) return change;
  lane.talking.clear();
  const Inquiry inquiry = std::move(*entry.inquiry);
  entry.inquiry.reset();
  const bool ok = inquiry.result().ok();
  entry.failures = ok ? 0 : entry.failures + 1;
  if (ok) {
    entry.asked = now.wall;
    found(app, entry, *inquiry.result(), change);
  } else {
    not_found(app, entry, inquiry.result().error(), change);
  }
  // Who asked while this was under way has not got the tags yet.
  const bool again = entry.by_hand && !entry.listing;
  entry.by_hand = again;
  if (again) schedule(app, entry, now.steady);
  if (again || !entry.update) return change;
  const Duration wait = ok ? Duration(entry.update->interval) : error_wait(entry.failures);
  schedule(app, entry, now.steady + std::max(jitter_.around(wait), inquiry.retry_after()));
  return change;
}

void Updates::found(const std::string& app, Entry& entry, const Inquiry::Finding& finding,
                    Change& change) {
  entry.error.clear();
  if (!finding.tags.empty() || entry.listing) {
    entry.tags_total = finding.tags.size();
    entry.tags = shown_track(entry).sorted(finding.tags);
    entry.tags.resize(std::min(entry.tags.size(), tags_kept));
  }
  if (!entry.update) return;
  decide(app, entry, change);
  const Choice choice{finding.tag, finding.digest};
  const bool chosen = entry.good || entry.trying;
  // Under the other tracks a tag means one image for ever: that it was moved is not followed.
  const bool same_tag =
      entry.update->track.by != Track::By::digest && choice.tag == entry.current();
  const bool failed = std::any_of(entry.failed.begin(), entry.failed.end(),
                                  [&](const Failed& one) { return one.choice == choice; });
  if ((chosen && same_tag) || failed || choice == entry.trying) return;
  if (!entry.trying && choice == entry.good) return;
  change.log.push_back(record(
      app, entry.ref,
      entry.reference() + " → " + choice.tag + "@" + choice.digest + " (" + entry.track() + ")"));
  // The registry may have gone back to what serves.
  entry.trying = choice == entry.good ? std::nullopt : std::optional(choice);
  change.resolve.insert(app);
  change.save.insert(app);
}

void Updates::not_found(const std::string& app, Entry& entry, const Error& error, Change& change) {
  if (entry.error != error.message) {
    change.log.push_back(record(app, entry.ref, error.message + "; stays on " + entry.reference()));
    change.log.back().level = LogRecord::Level::warning;
  }
  entry.error = error.message;
  decide(app, entry, change);
  if (error.code != Code::unavailable) return;
  // The others would have to wait one after the other for the same silence.
  for (auto& [name, other] : entries_) {
    if (other.ref.registry != entry.ref.registry || other.decided) continue;
    other.error = error.message;
    decide(name, other, change);
  }
}

void Updates::decide(const std::string& app, Entry& entry, Change& change) const {
  if (std::exchange(entry.decided, true)) return;
  change.resolve.insert(app);
}

Updates::Change Updates::passed(const std::string& app, const std::string& image) {
  Change change;
  const auto found = entries_.find(app);
  if (found == entries_.end()) return change;
  Entry& entry = found->second;
  if (!entry.trying || image != entry.reference()) return change;
  entry.good = std::exchange(entry.trying, std::nullopt);
  std::erase_if(entry.failed, [&](const Failed& one) { return one.choice == entry.good; });
  change.save.insert(app);
  return change;
}

Updates::Change Updates::failed(const std::string& app, const std::string& image,
                                const std::string& why) {
  Change change;
  const auto found = entries_.find(app);
  if (found == entries_.end()) return change;
  Entry& entry = found->second;
  if (!entry.trying || image != entry.reference()) return change;
  const Choice choice = *entry.trying;
  const bool known = std::any_of(entry.failed.begin(), entry.failed.end(),
                                 [&](const Failed& one) { return one.choice == choice; });
  // Where nothing else is known to be good, it is all there is: the loop tries it as it would try
  // the manifest's own.
  const bool only_one = !entry.good && choice.tag == entry.ref.tag;
  if (known && only_one) return change;
  if (!known) entry.failed.push_back({choice, why});
  if (entry.failed.size() > failed_max) entry.failed.erase(entry.failed.begin());
  change.save.insert(app);
  if (only_one) return change;
  entry.trying.reset();
  change.resolve.insert(app);
  change.log.push_back(record(app, entry.ref,
                              choice.tag + " failed: " + why + "; back to " + entry.reference() +
                                  " until there is a newer one"));
  change.log.back().level = LogRecord::Level::warning;
  return change;
}

std::string Updates::encode(const std::string& app) const {
  const auto found = entries_.find(app);
  if (found == entries_.end() || !found->second.update) return "";
  const Entry& entry = found->second;
  if (!entry.good && !entry.trying && entry.failed.empty()) return "";
  Json failed = Json::array();
  for (const Failed& one : entry.failed) {
    failed.push(
        Json::object({{"tag", one.choice.tag}, {"digest", one.choice.digest}, {"why", one.why}}));
  }
  return Json::object({{"schema", updates_schema},
                       {"image", entry.image},
                       {"track", entry.track()},
                       {"edition", entry.edition},
                       {"good", encoded(entry.good)},
                       {"trying", encoded(entry.trying)},
                       {"failed", failed}})
             .pretty() +
         "\n";
}

Json Updates::summary(const std::string& app) const {
  const auto found = entries_.find(app);
  if (found == entries_.end() || !found->second.update) return {};
  const Entry& entry = found->second;
  const auto& chosen = entry.trying ? entry.trying : entry.good;
  Json made = Json::object({{"track", entry.track()},
                            {"tag", entry.current()},
                            {"digest", chosen ? Json(chosen->digest) : Json()},
                            {"error", entry.error}});
  if (!entry.failed.empty()) {
    made.set("failed", Json::object({{"tag", entry.failed.back().choice.tag},
                                     {"digest", entry.failed.back().choice.digest},
                                     {"why", entry.failed.back().why}}));
  }
  return made;
}

// An app that follows nothing is shown by the kind of tag that it has.
Track Updates::shown_track(const Entry& entry) const {
  if (entry.update && entry.update->track.by != Track::By::digest) return entry.update->track;
  for (const char* text : {"numeric", "semver"}) {
    Result<Track> track = Track::parse(text);
    if (track->understands(entry.ref.tag)) return std::move(*track);
  }
  return {};
}

std::string Updates::state_of(const Entry& entry, const std::string& tag,
                              const Report& report) const {
  const Track track = shown_track(entry);
  const bool settled = report.running == report.wanted && !report.running.empty();
  if (tag == entry.current()) return settled ? "runs" : "wanted";
  if (entry.trying && entry.good && tag == entry.good->tag) return "before";
  for (const Failed& one : entry.failed) {
    if (one.choice.tag == tag) return "failed: " + one.why;
  }
  if (!track.newer(tag, entry.current())) return "";
  return track.choose(entry.current(), {tag}) ? "newer" : "newer, outside the range";
}

Json Updates::images(const std::string& app, const Report& report, Instant now) const {
  const auto found = entries_.find(app);
  if (found == entries_.end()) return {};
  const Entry& entry = found->second;
  Json tags = Json::array();
  for (const std::string& tag : entry.tags) {
    tags.push(Json::object({{"tag", tag}, {"state", state_of(entry, tag, report)}}));
  }
  Json made = Json::object({{"name", app},
                            {"image", entry.image},
                            {"uses", entry.reference()},
                            {"track", entry.update ? Json(entry.track()) : Json()},
                            {"health", health_name(report.health)},
                            {"tags", tags},
                            {"tags_total", static_cast<std::int64_t>(entry.tags_total)},
                            {"error", entry.error}});
  if (entry.asked.count() != 0) {
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(now.wall - entry.asked);
    made.set("asked_seconds_ago", static_cast<std::int64_t>(age.count()));
  }
  return made;
}

}  // namespace fairlead
