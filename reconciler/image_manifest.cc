#include "reconciler/image_manifest.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "reconciler/archive.h"

namespace fairlead {
namespace {

// What an image may not say, and why. A test compares it with the schema, so that a new field
// cannot come to images unnoticed.
struct Refusal {
  std::string_view path;
  std::string_view why;
};

constexpr std::string_view names_itself = "an image cannot name the image of the app";
constexpr std::string_view host_port = "ports of the host are the folder's to give";
constexpr std::string_view host_name = "host names are the folder's to give";
constexpr std::string_view visitors = "who may come is the folder's to say";
constexpr std::string_view host_folder = "folders of the host are the folder's to give";
constexpr std::string_view host_secret = "files with secrets are the folder's to give";
constexpr std::string_view host_share = "the share of the host is the folder's to give";
constexpr std::string_view operations = "when and whether the app runs is the folder's to say";
constexpr std::string_view data_fate = "what becomes of data is the folder's to say";
constexpr std::string_view credentials = "credentials are the folder's to manage";
constexpr std::string_view relaxation = "an image can only say strict";

constexpr std::array<Refusal, 24> refusals{{{"image", names_itself},
                                            {"expose[].publish", host_port},
                                            {"expose[].domains", host_name},
                                            {"expose[].auth", host_secret},
                                            {"expose[].allow", visitors},
                                            {"expose[].scheme", host_name},
                                            {"expose[].redirect", host_name},
                                            {"expose[].hsts", host_name},
                                            {"mounts", host_folder},
                                            {"secrets.*.file", host_secret},
                                            {"resources", host_share},
                                            {"processes.*.resources", host_share},
                                            {"processes.*.replicas", host_share},
                                            {"deploy.replicas", host_share},
                                            {"needs[].*.connections_max", host_share},
                                            {"needs[].*.queues_max", host_share},
                                            {"needs[].*.queue_size", host_share},
                                            {"needs[].*.rotation", credentials},
                                            {"needs[].*.reclaim", data_fate},
                                            {"reclaim", data_fate},
                                            {"after", operations},
                                            {"suspend", operations},
                                            {"update", operations},
                                            {"security", relaxation}}};

// Whose members have names of the user's choice.
bool has_free_names(std::string_view path) {
  return path == "secrets" || path == "processes" || path == "needs[]";
}

std::string path_below(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

std::string item_of(const std::string& path, std::size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

// Leaves out what an image may not say.
class Sieve {
 public:
  explicit Sieve(ImageManifest& manifest) : manifest_(manifest) {}

  // `general` is the path as refused_of_images() takes it.
  Json kept(const Json& value, const std::string& path, const std::string& general) {
    if (value.is_array()) return kept_items(value, path, general);
    if (!value.is_object()) return value;
    Json left = Json::object();
    for (const auto& [key, member] : value.members()) {
      const std::string there = path_below(path, key);
      const std::string rule = path_below(general, has_free_names(general) ? "*" : key);
      const std::string why = refused_of_images(rule);
      const bool stricter = why == relaxation && member.as_string() == "strict";
      if (why.empty() || stricter) {
        left.set(key, kept(member, there, rule));
      } else {
        ignore(there, why);
      }
    }
    return left;
  }

 private:
  Json kept_items(const Json& value, const std::string& path, const std::string& general) {
    Json left = Json::array();
    for (std::size_t i = 0; i < value.items().size(); ++i) {
      left.push(kept(value.items()[i], item_of(path, i), general + "[]"));
    }
    return left;
  }

  void ignore(const std::string& path, const std::string& why) {
    manifest_.ignored.push_back({Code::invalid, "an image may not say " + path + ": " + why,
                                 manifest_.document.where(path).text()});
  }

  ImageManifest& manifest_;
};

// One value of one of the two documents.
struct Source {
  const Document* document;
  const Json* value;
  std::string path;

  Source operator[](const std::string& key) const {
    return {document, &(*value)[key], path_below(path, key)};
  }
  Source item(std::size_t index) const {
    return {document, &value->items()[index], item_of(path, index)};
  }
};

// The word of an item of `needs`; "" for what is none.
std::string word_of(const Json& item) {
  if (item.is_string()) return item.as_string();
  return item.members().size() == 1 ? item.members()[0].first : "";
}

Source settings_of(const Source& item) {
  return item.value->is_object() ? item[word_of(*item.value)] : item;
}

bool is_env_secret(const Document& document, const std::string& name) {
  return document.value["secrets"][name]["as"] == Json("env");
}

class Merger {
 public:
  Merger(const Document& folder, const Document& image) : folder_(folder), image_(image) {}

  Document merge() {
    made_.start = folder_.start;
    copy_mark({&folder_, &folder_.value, ""}, "");
    made_.value = maps({&folder_, &folder_.value, ""}, {&image_, &image_.value, ""}, "", "");
    return std::move(made_);
  }

 private:
  // `key` is that of the two maps; `path` is where they come to stand.
  Json maps(const Source& folder, const Source& image, const std::string& key,
            const std::string& path) {
    Json made = Json::object();
    for (const auto& [name, member] : image.value->members()) {
      if (folder.value->has(name) || excluded(folder, key, path, name)) continue;
      made.set(name,
               path.empty() ? top_level(image[name]) : whole(image[name], path_below(path, name)));
    }
    for (const auto& [name, member] : folder.value->members()) {
      made.set(name, value(folder[name], image[name], name, key, path_below(path, name)));
    }
    return made;
  }

  // A field that the folder does not say; another one of the folder's may still exclude a part of
  // it.
  Json top_level(const Source& image) {
    if (!image.value->is_object()) return whole(image, image.path);
    copy_mark(image, image.path);
    const Json nothing;
    return maps({&folder_, &nothing, image.path}, image, image.path, image.path);
  }

  // Whether what the image says under `name` in the map at `path` must go because of what the
  // folder says elsewhere.
  bool excluded(const Source& folder, const std::string& key, const std::string& path,
                const std::string& name) const {
    if (path.empty()) return name == "name" || name == "image";
    if (path == "env") return is_env_secret(folder_, name);
    if (path == "secrets") return is_env_secret(image_, name) && folder_.value["env"].has(name);
    if (key != "health") return false;
    const bool chosen =
        folder.value->has("http") || folder.value->has("command") || folder.value->has("disable");
    return chosen && (name == "http" || name == "port" || name == "host" || name == "command" ||
                      name == "disable");
  }

  Json value(const Source& folder, const Source& image, const std::string& key,
             const std::string& map_key, const std::string& path) {
    if (path == "needs" && folder.value->is_array() && image.value->is_array()) {
      return needs(folder, image);
    }
    const bool both_maps = folder.value->is_object() && image.value->is_object();
    const bool is_secret = map_key == "secrets" && path == "secrets." + key;
    if (!both_maps || is_secret) return whole(folder, path);
    copy_mark(folder, path);
    // A process may have any name, "health" as well.
    const bool is_process = map_key == "processes" && path == "processes." + key;
    return maps(folder, image, is_process ? "" : key, path);
  }

  Json needs(const Source& folder, const Source& image) {
    copy_mark(folder, "needs");
    Json made = Json::array();
    for (std::size_t i = 0; i < folder.value->items().size(); ++i) {
      const Source item = folder.item(i);
      const std::string path = item_of("needs", made.items().size());
      const auto same = find_word(image, word_of(*item.value));
      made.push(same ? need(item, *same, path) : whole(item, path));
    }
    for (std::size_t i = 0; i < image.value->items().size(); ++i) {
      const Source item = image.item(i);
      if (find_word(folder, word_of(*item.value))) continue;
      made.push(whole(item, item_of("needs", made.items().size())));
    }
    return made;
  }

  static std::optional<Source> find_word(const Source& needs, const std::string& word) {
    for (std::size_t i = 0; i < needs.value->items().size(); ++i) {
      if (!word.empty() && word_of(needs.value->items()[i]) == word) return needs.item(i);
    }
    return std::nullopt;
  }

  Json need(const Source& folder, const Source& image, const std::string& path) {
    if (!image.value->is_object()) return whole(folder, path);
    const std::string word = word_of(*folder.value);
    const Source theirs = settings_of(image);
    if (!folder.value->is_object()) {
      Json made = whole(image, path);
      copy_mark(folder, path);
      return made;
    }
    copy_mark(folder, path);
    return Json::object(
        {{word, value(settings_of(folder), theirs, word, "", path_below(path, word))}});
  }

  Json whole(const Source& source, const std::string& path) {
    copy_mark(source, path);
    for (const char next : {'.', '['}) {
      copy_below(source.document->marks, made_.marks, source.path + next, path + next);
      copy_below(source.document->spellings, made_.spellings, source.path + next, path + next);
    }
    const auto spelling = source.document->spellings.find(source.path);
    if (spelling != source.document->spellings.end()) made_.spellings[path] = spelling->second;
    return *source.value;
  }

  void copy_mark(const Source& source, const std::string& path) {
    made_.marks[path] = source.document->where(source.path);
  }

  template <typename T>
  static void copy_below(const std::map<std::string, T>& from, std::map<std::string, T>& to,
                         const std::string& prefix, const std::string& new_prefix) {
    for (auto held = from.lower_bound(prefix);
         held != from.end() && held->first.compare(0, prefix.size(), prefix) == 0; ++held) {
      to[new_prefix + held->first.substr(prefix.size())] = held->second;
    }
  }

  const Document& folder_;
  const Document& image_;
  Document made_;
};

Origin origin(const Document& document, std::string field, const std::string& path) {
  Mark mark = document.where(path);
  mark.column = 0;
  return {std::move(field), mark.text()};
}

}  // namespace

Result<std::string> manifest_in_archive(std::string_view tar, std::string_view path) {
  Result<std::string> text = only_file(tar, path.substr(1), image_manifest_bytes_max);
  if (text) return text;
  return Error{Code::invalid, std::string(path) + ": " + text.error().message, ""};
}

std::string refused_of_images(std::string_view path) {
  const auto found = std::find_if(refusals.begin(), refusals.end(),
                                  [&](const Refusal& refusal) { return refusal.path == path; });
  return found == refusals.end() ? "" : std::string(found->why);
}

ImageManifest parse_image_manifest(const ImageText& source) {
  const std::string file = source.file();
  ParsedFile parsed = parse_file(file, source.text);
  ImageManifest manifest;
  manifest.document.value = Json::object();
  manifest.document.start = {file, 1, 1};
  manifest.errors = std::move(parsed.errors);
  if (!manifest.errors.empty() || parsed.documents.empty()) return manifest;
  if (parsed.documents.size() > 1) {
    manifest.errors.push_back({Code::invalid, "an image carries the manifest of one app",
                               parsed.documents[1].start.text()});
    return manifest;
  }
  if (!parsed.documents[0].value.is_object()) {
    manifest.errors.push_back(
        {Code::invalid, "must be a map that describes one app", parsed.documents[0].start.text()});
    return manifest;
  }
  manifest.document = std::move(parsed.documents[0]);
  manifest.document.value = Sieve(manifest).kept(manifest.document.value, "", "");
  const std::size_t processes = manifest.document.value["processes"].members().size();
  if (processes > image_processes_max) {
    manifest.errors.push_back({Code::invalid,
                               "processes: an image may say at most " +
                                   std::to_string(image_processes_max) + ", got " +
                                   std::to_string(processes) + ": say the others in the folder",
                               manifest.document.where("processes").text()});
  }
  return manifest;
}

Document merged(const Document& folder, const Document& image) {
  if (!folder.value.is_object()) return folder;
  return Merger(folder, image).merge();
}

std::vector<Origin> origins(const Document& document) {
  std::vector<Origin> found;
  for (const auto& [key, value] : document.value.members()) {
    if (key == "needs" && !value.items().empty()) {
      for (std::size_t i = 0; i < value.items().size(); ++i) {
        const std::string word = word_of(value.items()[i]);
        found.push_back(origin(document, path_below(key, word), item_of(key, i)));
      }
    } else if (value.members().empty()) {
      found.push_back(origin(document, key, key));
    }
    for (const auto& [name, member] : value.members()) {
      found.push_back(origin(document, path_below(key, name), path_below(key, name)));
    }
  }
  return found;
}

}  // namespace fairlead
