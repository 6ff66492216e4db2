#include "reconciler/local_images.h"

#include <utility>

#include "reconciler/image_ref.h"

namespace fairlead {
namespace {

constexpr int local_images_schema = 1;
constexpr std::size_t id_digits_shown = 12;

}  // namespace

std::string short_image_id(const std::string& id) {
  const std::size_t colon = id.find(':');
  return id.substr(colon == id.npos ? 0 : colon + 1, id_digits_shown);
}

void LocalImages::restore(const std::string& app, std::string_view text) {
  const Result<Json> json = Json::parse(text);
  if (!json || (*json)["schema"].as_int() != local_images_schema) return;
  const auto word = [&](const char* key) { return (*json)[key].as_string(); };
  entries_[app] = {word("reference"), word("first"),       word("good"),
                   word("trying"),    word("passed over"), word("why")};
  kept_[app] = text;
}

std::set<std::string> LocalImages::take_changed() {
  std::set<std::string> changed;
  for (const std::string& app : std::exchange(touched_, {})) {
    std::string text = encode(app);
    const auto kept = kept_.find(app);
    if (text == (kept == kept_.end() ? "" : kept->second)) continue;
    changed.insert(app);
    if (text.empty()) kept_.erase(app);
    if (!text.empty()) kept_[app] = std::move(text);
  }
  return changed;
}

std::string LocalImages::encode(const std::string& app) const {
  const auto found = entries_.find(app);
  if (found == entries_.end() || found->second.good.empty()) return "";
  const Entry& entry = found->second;
  return Json::object({{"schema", local_images_schema},
                       {"reference", entry.reference},
                       {"first", entry.first},
                       {"good", entry.good},
                       {"trying", entry.trying},
                       {"passed over", entry.passed_over},
                       {"why", entry.why}})
             .pretty() +
         "\n";
}

void LocalImages::forget(const std::string& app) {
  entries_.erase(app);
  touched_.insert(app);
}

void LocalImages::want(const std::string& app, const std::string& reference) {
  const auto parsed = ImageRef::parse(reference);
  if (!parsed || !parsed->digest.empty()) return forget(app);
  Entry& entry = entries_[app];
  if (entry.reference != reference) entry = {reference, "", "", "", "", ""};
  touched_.insert(app);
}

bool LocalImages::forgive(const std::string& app) {
  const auto found = entries_.find(app);
  if (found == entries_.end() || found->second.passed_over.empty()) return false;
  found->second.passed_over.clear();
  found->second.why.clear();
  touched_.insert(app);
  return true;
}

std::string LocalImages::key(const std::string& app, const std::string& reference) const {
  return says_id(app) ? reference + " " + id(app) : reference;
}

std::string LocalImages::id(const std::string& app) const {
  const auto found = entries_.find(app);
  return found == entries_.end() ? "" : found->second.id();
}

bool LocalImages::says_id(const std::string& app) const {
  const auto found = entries_.find(app);
  return found != entries_.end() && !found->second.id().empty() &&
         found->second.id() != found->second.first;
}

bool LocalImages::is_news(const std::string& app, const std::string& tag) const {
  const auto found = entries_.find(app);
  return found != entries_.end() && !tag.empty() && tag != found->second.id() &&
         tag != found->second.passed_over;
}

bool LocalImages::take(const std::string& app, const Sight& sight) {
  const auto found = entries_.find(app);
  if (found == entries_.end()) return false;
  touched_.insert(app);
  Entry& entry = found->second;
  if (entry.good.empty()) {
    entry.good = sight.use.id.empty() ? sight.tag : sight.use.id;
    entry.first = sight.use.said ? "" : entry.good;
    // What stood there before anybody looked is told, and left: nothing is replaced for that.
    const bool other = !sight.tag.empty() && sight.tag != entry.good;
    if (other) entry.passed_over = sight.tag;
    return !entry.good.empty();
  }
  if (sight.is_gone && !sight.tag.empty()) {
    entry.trying = std::exchange(entry.good, sight.tag) == sight.tag ? "" : sight.tag;
    entry.passed_over.clear();
    return true;
  }
  // What runs is made whole first, of what it was made of.
  if (entry.trying.empty() && !sight.use.whole) return false;
  if (!is_news(app, sight.tag)) return false;
  entry.trying = sight.tag == entry.good ? "" : sight.tag;
  entry.passed_over.clear();
  entry.why.clear();
  return true;
}

bool LocalImages::failed(const std::string& app, const std::string& why) {
  const auto found = entries_.find(app);
  if (found == entries_.end() || found->second.trying.empty()) return false;
  Entry& entry = found->second;
  // Where the one before is gone, there is nothing to go back to.
  if (entry.trying == entry.good) return false;
  touched_.insert(app);
  entry.passed_over = std::exchange(entry.trying, "");
  entry.why = why;
  return true;
}

void LocalImages::passed(const std::string& app) {
  const auto found = entries_.find(app);
  if (found == entries_.end() || found->second.trying.empty()) return;
  touched_.insert(app);
  found->second.good = std::exchange(found->second.trying, "");
}

std::string LocalImages::told(const std::string& app) const {
  const auto found = entries_.find(app);
  if (found == entries_.end() || found->second.passed_over.empty()) return "";
  const Entry& entry = found->second;
  return entry.reference + " stands for " + short_image_id(entry.passed_over) +
         " on this host, and " + short_image_id(entry.good) + " runs" +
         (entry.why.empty() ? "" : ", because the other one failed: " + entry.why) +
         "; it is tried with the next change of the tag or of the manifest, or by `fairlead "
         "retry " +
         app + "`";
}

}  // namespace fairlead
