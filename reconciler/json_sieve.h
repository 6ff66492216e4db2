#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Makes a short JSON text of a long one that comes in pieces of any size: only chosen members are
// kept, and strings are cut. So the length of an engine's list does not follow what others write
// into labels and commands. The text may be of a hostile peer; what is no JSON gives a text that is
// none either. One thread, no I/O.
namespace fairlead {

class JsonSieve {
 public:
  static constexpr std::size_t string_max = 64u << 10;  // longer values are cut to this
  static constexpr std::size_t key_max = 512;           // members with longer keys are not kept
  static constexpr std::size_t depth_max = 128;         // deeper is no JSON here

  // Paths of keys from the outermost object, or from that of an array's items: "Id",
  // "Labels/fairlead.*" (a `*` at the end stands for any rest). What a path names is kept with all
  // that is below it.
  explicit JsonSieve(const std::vector<std::string>& keep);

  void feed(std::string_view bytes);
  // What is kept up to here; whole once the whole text was fed.
  const std::string& kept() const { return out_; }
  std::string take() { return std::move(out_); }
  // The largest object of an outer array up to here, the one under way included: for messages,
  // "/blog.web.1234abcd, 31457280 bytes"; empty where there is none.
  std::string largest() const;

 private:
  enum class State {
    value,
    item_or_end,
    key_or_end,
    key,
    colon,
    comma_or_end,
    end,
    text,
    scalar,
    broken
  };
  using Pattern = std::vector<std::string>;
  // A path that is followed, and how many of its keys have been met.
  struct Follows {
    const Pattern* pattern;
    std::size_t met;
  };
  struct Level {
    bool object = false;
    bool kept = false;   // else nothing in it is written
    bool whole = false;  // all in it is kept
    bool any = false;    // a member or item was written
    std::vector<Follows> follows;
  };
  struct Entry {
    std::size_t bytes = 0;
    std::string name;
  };

  void take_char(char c);
  std::size_t take_text(std::string_view bytes);
  void begin_value(char c);
  void begin_text();
  void take_escape(char c);
  void end_text();
  void end_key();
  void open(bool object);
  void close(bool object, char c);
  void value_ended();
  void fail();
  void separate();
  bool writes() const;
  bool may_name() const;
  void note_name();

  std::vector<Pattern> patterns_;
  std::vector<Level> levels_;
  State state_ = State::value;
  Level next_;        // what the value that comes will be, with what is followed below it
  std::string key_;   // of that value; raw, as between its quotes
  std::string name_;  // the text under way where it may name the entry
  std::string out_;
  bool is_key_ = false;  // the text under way
  bool names_ = false;   // likewise: it may name the entry
  bool cut_ = false;
  int escape_ = 0;               // characters of an escape that are still to come
  bool high_ = false;            // a first half of a surrogate pair stands before
  std::size_t length_ = 0;       // of the text under way
  std::size_t entry_depth_ = 0;  // levels of the entry under way; 0: none
  Entry entry_, largest_;
};

}  // namespace fairlead
