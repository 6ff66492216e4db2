// The part of Reconciler that lays the manifest of an app over the one that its image carries, and
// has that one read.

#include <utility>

#include "reconciler/image_manifest.h"
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
  images_.want(state.name, image);
  keep_image(state.name, kept);
  const ImageContent* content = images_.of(state.name, image);
  const std::string to_read = content || folder.suspend ? "" : image;
  // What failed for another image says nothing of this one.
  if (state.to_read != to_read && !to_read.empty()) state.retries.clear();
  state.to_read = to_read;
  if (!to_read.empty() && options_.mode != Mode::plan) return std::shared_ptr<const App>();
  if (!content) content = images_.latest(state.name);
  if (content && !content->error.empty()) {
    return Error{Code::invalid, "the manifest in the image " + image + ": " + content->error, ""};
  }
  if (!content || content->place.empty()) return with_image(entry.app, image);
  std::vector<Error> ignored;
  Whole whole = laid_over(folder, image, *content, ignored);
  tell_ignored(state.name, ignored);
  return whole;
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
  bool news = false;
  for (const ImageLook& look : engine().provider().images(seen.get())) {
    if (look.image == image) news = images_.take(state.name, look) || news;
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
