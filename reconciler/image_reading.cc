// The part of Reconciler that lays the manifest of an app over the one that its image carries, and
// has that one read.

#include <utility>

#include "reconciler/image_manifest.h"
#include "reconciler/image_ref.h"
#include "reconciler/reconciler.h"

namespace fairlead {
namespace {

using Whole = Result<std::shared_ptr<const App>>;

Whole with_image(const std::shared_ptr<const App>& manifest, const std::string& image) {
  if (image == manifest->image) return manifest;
  auto other = std::make_shared<App>(*manifest);
  other->image = image;
  return std::shared_ptr<const App>(std::move(other));
}

Whole laid_over(const App& folder, const std::string& image, const ImageContent& content,
                std::vector<Error>& ignored) {
  ImageManifest manifest = parse_image_manifest({image, content.place, content.text});
  ignored = std::move(manifest.ignored);
  if (!manifest.errors.empty()) return Error{Code::invalid, told(manifest.errors), ""};
  ParsedApp parsed = parse_app(merged(*folder.document, manifest.document));
  if (!parsed.app) return Error{Code::invalid, told(parsed.errors), ""};
  parsed.app->image = image;
  return std::shared_ptr<const App>(std::make_shared<App>(std::move(*parsed.app)));
}

// What a pass has seen of the image `id`, and of the one that `reference` stands for.
LocalImages::Sight sight_of(const std::vector<ImageLook>& looks, const std::string& reference,
                            const std::string& id) {
  LocalImages::Sight sight;
  for (const ImageLook& look : looks) {
    if (look.image == reference) sight.tag = look.id;
    if (look.image == id) sight.is_gone = look.id.empty();
  }
  return sight;
}

}  // namespace

// The reference that is to run: the manifest's own, or what was chosen at the registry.
std::string Reconciler::image_of(const App& manifest) const {
  const std::string chosen = updates_.image(manifest.name);
  return chosen.empty() ? manifest.image : chosen;
}

// Null where the image is to be read first. A plan reads nothing that would have to be written: it
// goes by what is known. So does an app that is suspended, of which nothing is to be made.
Whole Reconciler::whole_app(AppState& state, const Catalog::Entry& entry) {
  const App& folder = *entry.app;
  const std::string image = image_of(folder);
  const std::string kept = images_.encode(state.name);
  const std::string key = local_.key(state.name, image);
  images_.want(state.name, key);
  keep_image(state.name, kept);
  const ImageContent* content = images_.of(state.name, key);
  const std::string to_read = content || folder.suspend ? "" : image;
  // What failed for another image says nothing of this one.
  if (state.to_read != to_read && !to_read.empty()) state.retries.clear();
  state.to_read = to_read;
  if (!to_read.empty() && options_.mode != Mode::plan) return std::shared_ptr<const App>();
  if (!content) content = images_.latest(state.name);
  if (content && !content->error.empty()) {
    const std::string what = content->place.empty() ? "the image " : "the manifest in the image ";
    return Error{Code::invalid, what + image + ": " + content->error, ""};
  }
  if (!content || content->place.empty()) return with_image(entry.app, image);
  std::vector<Error> ignored;
  Whole whole = laid_over(folder, image, *content, ignored);
  tell_ignored(state.name, ignored);
  return whole;
}

// The apps of these images look for themselves what they stand for. `ids`: by reference; empty
// where it is not known.
void Reconciler::look_at_tags(const std::map<std::string, std::string>& ids) {
  std::map<std::string, std::string> known;
  for (const auto& [reference, id] : ids) {
    if (const auto parsed = ImageRef::parse(reference)) known[parsed->whole()] = id;
  }
  for (auto& [name, state] : apps_) {
    if (!state.wanted || state.removing || known.empty()) continue;
    const std::string& image = state.wanted->app->image;
    const auto own = ImageRef::parse(image);
    const auto found = own ? known.find(own->whole()) : known.end();
    if (found == known.end()) continue;
    if (!found->second.empty() && !local_.is_news(name, found->second)) continue;
    state.hinted.insert(image);
    mark_dirty(state, now_.steady);
  }
}

void Reconciler::tell_ignored(const std::string& name, const std::vector<Error>& ignored) {
  for (const Error& error : ignored) {
    if (!told_.ignored.insert(name + ": " + error.text()).second) continue;
    LogRecord record;
    record.level = LogRecord::Level::warning;
    record.app = name;
    record.verb = "ignored";
    record.cause = error.text();
    log(std::move(record));
  }
}

// Whether what was seen of the app's image tells more of what is wanted, or that less is known: its
// tag was moved.
bool Reconciler::take_images(AppState& state) {
  const auto entry = catalog_.entries().find(state.name);
  if (entry == catalog_.entries().end() || state.removing) return false;
  const std::string image = image_of(*entry->second.app);
  const SectionPtr seen = state.seen[std::string(engine().provider().name())];
  const std::vector<ImageLook> looks = engine().provider().images(seen.get());
  std::string id = local_.id(state.name);
  LocalImages::Sight sight = sight_of(looks, image, id);
  bool news = false;
  if (state.wanted && state.wanted->app->image == image && !sight.tag.empty()) {
    sight.use = engine().provider().image_in_use(*state.wanted, seen.get(), state.memory);
    const bool changed = local_.take(state.name, sight);
    // To know for the first time what it stands for makes no other revision.
    news = changed && (!id.empty() || local_.says_id(state.name));
    if (changed && !news) set_wanted(state, entry->second);
    id = local_.id(state.name);
  }
  for (ImageLook look : looks) {
    // Another one that the reference stands for says nothing of the one that is to be run.
    if (look.image != image || (!id.empty() && look.id != id)) continue;
    look.image = local_.key(state.name, image);
    news = images_.take(state.name, look) || news;
  }
  if (!news) return false;
  keep(images_folder, state.name, images_.encode(state.name));
  set_wanted(state, entry->second);
  return true;
}

void Reconciler::keep_image(const std::string& name, const std::string& kept) {
  const std::string text = images_.encode(name);
  if (text != kept) keep(images_folder, name, text);
}

}  // namespace fairlead
