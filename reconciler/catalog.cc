#include "reconciler/catalog.h"

#include <algorithm>
#include <utility>

#include "reconciler/check.h"
#include "reconciler/first_level.h"

namespace fairlead {
namespace {

constexpr int files_named_max = 3;

std::string unreadable_because(const FolderReading& reading) {
  return "the manifest folder " + reading.folder + " " +
         (reading.state == FolderReading::State::missing ? "is missing" : "cannot be read") +
         (reading.message.empty() ? "" : ": " + reading.message);
}

// Whether the path that cannot be read is, or hides, a file of the first-level folder `part`.
bool is_of_part(const std::string& path, const std::string& part) {
  if (path == top_level) return part.empty();
  if (path == part) return true;
  // A folder that cannot be read stands there by its own name.
  const bool folder = first_level(path).empty() && !is_manifest_name(path);
  return !folder && first_level(path) == part;
}

// The marks of a last good copy survive, so that causes still name the line of the file.
Json marks_to_json(const Document& document) {
  Json marks = Json::object();
  for (const auto& [path, mark] : document.marks) {
    marks.set(path, Json::array({mark.line, mark.column}));
  }
  return marks;
}

ParsedManifest left_out(const std::string& path) {
  ParsedManifest manifest;
  manifest.errors = {{Code::invalid,
                      "fairlead ended itself " + std::to_string(Quarantine::deaths_max) +
                          " times while it read this file, so it is not read; change it",
                      path}};
  return manifest;
}

}  // namespace

std::string encode_last_good(const Catalog::Entry& entry) {
  Json copy = Json::object({{"source", entry.source},
                            {"manifest", entry.app->document->value},
                            {"marks", marks_to_json(*entry.app->document)}});
  if (entry.absent_since) copy.set("absent_since", entry.absent_since->count());
  return copy.dump();
}

void Catalog::restore(const std::vector<LastGood>& copies) {
  for (const LastGood& copy : copies) {
    const Result<Json> held = Json::parse(copy.text);
    if (!held) continue;
    Document document;
    document.value = (*held)["manifest"];
    const std::string& source = (*held)["source"].as_string();
    document.start = {source, 1, 1};
    for (const auto& [path, place] : (*held)["marks"].members()) {
      const auto& items = place.items();
      if (items.size() != 2) continue;
      document.marks[path] = {source, static_cast<int>(items[0].as_int()),
                              static_cast<int>(items[1].as_int())};
    }
    ParsedApp parsed = parse_app(document);
    if (!parsed.app || parsed.name != copy.name) continue;
    Entry entry;
    entry.text = document.value.canonical();
    entry.source = source;
    entry.app = std::make_shared<App>(std::move(*parsed.app));
    const Json& absent = (*held)["absent_since"];
    if (!absent.is_null()) entry.absent_since = Duration(absent.as_int());
    entries_[copy.name] = std::move(entry);
  }
}

const ParsedManifest& Catalog::parsed(const ManifestFile& file) {
  Parsed& held = cache_[file.path];
  if (held.text != file.text) {
    held.text = file.text;
    const Suspect suspect = file_suspect(file.path, *file.text);
    const Blame blame(suspect);
    held.manifest =
        quarantine_.holds(suspect) ? left_out(file.path) : parse_manifest(file.path, *file.text);
  }
  return held.manifest;
}

// A file with a name that another tool knows, and that no app of ours lives in. One that says a
// name and an image is meant for us, whatever it is called, and what it says wrong is said.
bool Catalog::is_foreign(const ManifestFile& file) {
  if (!is_well_known(file.path)) return false;
  for (const auto& [name, entry] : entries_) {
    if (entry.source == file.path) return false;
  }
  if (!file.text) return true;
  const Suspect suspect = file_suspect(file.path, *file.text);
  if (quarantine_.holds(suspect)) return true;
  const Blame blame(suspect);
  const ParsedFile content = parse_file(file.path, *file.text);
  return std::none_of(content.documents.begin(), content.documents.end(), [](const Document& one) {
    return one.value.has("name") && one.value.has("image");
  });
}

// Fills ignored_ and broken_.
std::vector<ManifestFile> Catalog::manifests_of(const FolderReading& reading,
                                                const std::vector<std::string>& ignore) {
  ignored_.clear();
  broken_.clear();
  IgnoreList list;
  std::vector<ManifestFile> manifests;
  for (const ManifestFile& file : reading.files) {
    if (file.path != ignore_file) continue;
    if (file.text) list = IgnoreList::parse(*file.text);
    if (!list.errors().empty()) broken_[file.path] = list.errors();
  }
  for (const std::string& pattern : ignore) {
    FAIRLEAD_CHECK(list.add(pattern, "folders.ignore of the platform file").ok());
  }
  for (const ManifestFile& file : reading.files) {
    if (file.path == ignore_file) continue;
    if (const std::string pattern = list.match(file.path); !pattern.empty()) {
      ignored_[file.path] = "as " + pattern + " says";
    } else if (is_foreign(file)) {
      ignored_[file.path] = "a name of another tool's, without a name and an image in it";
    } else {
      manifests.push_back(file);
    }
  }
  return manifests;
}

Catalog::Change Catalog::read(const FolderReading& reading, const std::vector<std::string>& ignore,
                              Duration wall) {
  Change change;
  if (reading.state != FolderReading::State::ok) {
    // Not a word about any app: all stay as they are.
    hold_ = unreadable_because(reading);
    was_read_ = true;
    return change;
  }
  std::map<std::string, std::vector<std::string>> doubles_before;
  for (auto& [name, entry] : entries_) {
    if (!entry.doubles.empty()) doubles_before[name] = std::exchange(entry.doubles, {});
    entry.listed = false;
  }
  // Where a name stood keeps it; only then the order of paths decides.
  const std::vector<ManifestFile> files = manifests_of(reading, ignore);
  find_owners(files);
  // Files that were cut to nothing, by a disk that is full, are as good as none.
  empty_reading_ = owners_.empty();
  for (auto& [path, held] : cache_) held.listed = false;
  for (const ManifestFile& file : files) {
    if (!file.text) continue;
    take_file(file, parsed(file), change);
    cache_[file.path].listed = true;
  }
  std::erase_if(cache_, [](const auto& held) { return !held.second.listed; });
  for (const auto& [name, entry] : entries_) {
    const auto before = doubles_before.find(name);
    const bool same =
        before == doubles_before.end() ? entry.doubles.empty() : entry.doubles == before->second;
    if (!same) change.changed.insert(name);
  }
  // An unreadable file speaks for the apps that it held.
  for (auto& [name, entry] : entries_) {
    const auto* found = broken_for(entry.source);
    if (entry.listed || !found) continue;
    entry.listed = true;
    freeze(entry, *found, change);
  }
  for (auto& [name, entry] : entries_) {
    if (entry.listed != entry.absent_since.has_value()) continue;
    entry.absent_since = entry.listed ? std::nullopt : std::optional(wall);
    change.absent.insert(name);
  }
  hold_ = broken_.count(ignore_file) == 0
              ? ""
              : "until it is known which files are manifests nothing is removed: " +
                    std::string(ignore_file) + " is broken";
  was_read_ = true;
  return change;
}

// Fills owners_, and broken_ with what is wrong in manifests.
void Catalog::find_owners(const std::vector<ManifestFile>& files) {
  owners_.clear();
  for (const ManifestFile& file : files) {
    if (!file.text) {
      broken_[file.path] = {{Code::invalid, file.error, file.path}};
    } else if (!parsed(file).errors.empty()) {
      broken_[file.path] = parsed(file).errors;
    }
    if (!file.text) continue;
    for (const ParsedApp& app : parsed(file).apps) {
      const auto known = entries_.find(app.name);
      const bool owns = known != entries_.end() && known->second.source == file.path;
      if (owns) owners_.emplace(app.name, file.path);
    }
  }
  // A file that was emptied is more likely cut short by a full disk than meant as a removal.
  for (const ManifestFile& file : files) {
    if (!file.text || broken_.count(file.path) > 0 || !parsed(file).apps.empty()) continue;
    for (const auto& [name, entry] : entries_) {
      if (entry.source != file.path) continue;
      broken_[file.path] = {
          {Code::invalid,
           "is empty and held the app " + name + "; remove the file if the app is to go",
           file.path}};
    }
  }
  // Nobody takes over a name while its owner's file cannot be read.
  for (const auto& [name, entry] : entries_) {
    if (broken_for(entry.source)) owners_.emplace(name, entry.source);
  }
  for (const ManifestFile& file : files) {
    if (!file.text) continue;
    for (const ParsedApp& app : parsed(file).apps) {
      if (!app.name.empty()) owners_.emplace(app.name, file.path);
    }
  }
}

void Catalog::take_file(const ManifestFile& file, const ParsedManifest& manifest, Change& change) {
  for (const ParsedApp& app : manifest.apps) take_app(file.path, app, change);
}

void Catalog::freeze(Entry& entry, const std::vector<Error>& errors, Change& change) {
  const bool same = entry.errors.size() == errors.size() && !errors.empty() &&
                    entry.errors.front().text() == errors.front().text();
  if (!same) change.changed.insert(entry.app->name);
  entry.errors = errors;
}

void Catalog::take_app(const std::string& path, const ParsedApp& parsed, Change& change) {
  if (parsed.name.empty()) return;
  const auto found = entries_.find(parsed.name);
  const bool owns = owners_[parsed.name] == path;
  if (!owns || (found != entries_.end() && found->second.listed)) {
    if (found != entries_.end()) found->second.doubles.push_back(path);
    return;
  }
  if (!parsed.app) {
    if (found == entries_.end()) return;  // never good: it is in broken()
    Entry& entry = found->second;
    entry.listed = true;
    return freeze(entry, parsed.errors.empty() ? broken_[path] : parsed.errors, change);
  }
  Entry& entry = entries_[parsed.name];
  const bool moved = entry.source != path;
  entry.listed = true;
  const bool same_file = entry.app && entry.app->document == parsed.app->document;
  if (same_file && !moved && entry.errors.empty()) return;
  const std::string text = parsed.app->document->value.canonical();
  const bool news = !entry.app || entry.text != text;
  if (news || moved || !entry.errors.empty()) change.changed.insert(parsed.name);
  if (news || moved) change.saved.insert(parsed.name);
  // Also where nothing changed: marks move with the lines of the file.
  entry.app = std::make_shared<App>(*parsed.app);
  entry.text = text;
  entry.source = path;
  entry.errors.clear();
}

std::vector<std::string> Catalog::absent() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) {
    if (!entry.listed) names.push_back(name);
  }
  return names;
}

// An error of a folder speaks for all files in it.
const std::vector<Error>* Catalog::broken_for(const std::string& source) const {
  auto found = broken_.find(source);
  for (std::size_t slash = source.rfind('/'); found == broken_.end() && slash != source.npos;
       slash = slash == 0 ? source.npos : source.rfind('/', slash - 1)) {
    found = broken_.find(source.substr(0, slash));
  }
  const bool top = found == broken_.end() && first_level(source).empty();
  if (top) found = broken_.find(top_level);
  return found == broken_.end() ? nullptr : &found->second;
}

std::string Catalog::held(const std::string& name) const {
  if (broken_.empty()) return "";
  const auto entry = entries_.find(name);
  const std::string part = entry == entries_.end() ? "" : first_level(entry->second.source);
  std::string text;
  int named = 0;
  for (const auto& [path, errors] : broken_) {
    if (entry != entries_.end() && !is_of_part(path, part)) continue;
    if (named < files_named_max) text += (named > 0 ? ", " : "") + path;
    ++named;
  }
  if (named == 0) return "";
  return "until all manifests " + (part.empty() ? "" : "of the folder " + part + " ") +
         "can be read nothing " + (part.empty() ? "" : "of it ") + "is removed: " + text +
         (named > files_named_max ? " and more"
          : named == 1            ? " is broken"
                                  : " are broken");
}

void Catalog::forget(const std::string& name) { entries_.erase(name); }

}  // namespace fairlead
