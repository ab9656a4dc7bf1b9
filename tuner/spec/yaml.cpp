#include "tuner/spec/yaml.h"

#include <algorithm>
#include <array>
#include <map>
#include <sstream>
#include <unordered_set>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "kernels/base/error.h"
#include "tuner/spec/value.h"

namespace caviar {
namespace {

using NodePtr = std::shared_ptr<const YamlNode>;

template <std::size_t N>
bool one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

constexpr std::array<std::string_view, 5> kNull = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 9> kTrue = {"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"};
constexpr std::array<std::string_view, 9> kFalse = {"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"};
constexpr std::array<std::string_view, 12> kNotFinite = {".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf", "+.INF",
                                                         "-.inf", "-.Inf", "-.INF", ".nan",  ".NaN",  ".NAN"};

// Every byte sequence that is not a UTF-8 character, or a control character no text has, stops the parser here: both
// would otherwise travel into the database.
void check_text(const std::string& text, const std::string& filename) {
  if (text.size() > kYamlMaxBytes) {
    fail(filename, ":1: the file has ", text.size(), " bytes; a sweep file has at most ", kYamlMaxBytes);
  }
  int line = 1;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
    const unsigned char first = byte(i);
    std::size_t length = first < 0x80   ? 1
                         : first < 0xC2 ? 0
                         : first < 0xE0 ? 2
                         : first < 0xF0 ? 3
                         : first < 0xF5 ? 4
                                        : 0;
    bool legal = length > 0 && i + length <= text.size();
    for (std::size_t k = 1; legal && k < length; ++k) legal = (byte(i + k) & 0xC0) == 0x80;
    if (legal && length == 3) legal = !(first == 0xE0 && byte(i + 1) < 0xA0) && !(first == 0xED && byte(i + 1) > 0x9F);
    if (legal && length == 4) legal = !(first == 0xF0 && byte(i + 1) < 0x90) && !(first == 0xF4 && byte(i + 1) > 0x8F);
    if (!legal) fail(filename, ":", line, ": the file is not UTF-8 text; save it as UTF-8");
    if ((first < 0x20 && first != '\t' && first != '\n' && first != '\r') || first == 0x7F) {
      fail(filename, ":", line, ": the control character ", int{first}, " is not allowed in YAML; remove it");
    }
    if (first == '\n') ++line;
    i += length;
  }
}

// Whether the quoted scalar that begins at or after `text[start]`, behind an anchor or tag if it has one, ends.
bool quote_is_closed(const std::string& text, std::size_t start) {
  std::size_t i = start;
  while (i < text.size() && (text[i] == '&' || text[i] == '!')) {
    i = text.find_first_not_of(" \t\r\n", text.find_first_of(" \t\r\n", i));
  }
  if (i >= text.size() || (text[i] != '\'' && text[i] != '"')) return true;  // a block scalar ends where the file ends
  const char quote = text[i];
  for (++i; i < text.size(); ++i) {
    if (text[i] == '\\' && quote == '"') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 >= text.size() || text[i + 1] != quote) return true;
      ++i;  // two single quotes stand for one
    }
  }
  return false;
}

// Builds the tree from yaml-cpp's events.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const std::string& filename) : filename_(filename) {}

  NodePtr root() const { return root_ ? root_ : std::make_shared<YamlNode>(); }

  // yaml-cpp takes the end of the file for the closing quote of a scalar; a file cut off there must not pass.
  void check_end(const std::string& text) const {
    if (!last_scalar_.quoted) return;
    std::size_t start = 0;
    for (int line = 0; line < last_scalar_.mark.line && start != std::string::npos; ++line) {
      start = text.find('\n', start);
      if (start != std::string::npos) ++start;
    }
    if (start == std::string::npos) return;
    if (last_scalar_.mark.line == 0 && text.starts_with("\xEF\xBB\xBF")) start += 3;  // the byte order mark
    if (!quote_is_closed(text, start + static_cast<std::size_t>(std::max(last_scalar_.mark.column, 0)))) {
      fail(where(last_scalar_.mark), "this quote is never closed; the file may have been cut off");
    }
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (root_) fail(where(mark), "a second document starts here; a sweep file holds one");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto node = new_node(YamlNode::Kind::kScalar, mark, anchor);
    node->text = "null";
    // A value that is missing is found at the next key; it belongs to its own.
    if (!stack_.empty() && stack_.back().has_key) node->line = stack_.back().key.line;
    finish(std::move(node), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    auto node = new_node(YamlNode::Kind::kScalar, mark, anchor);
    node->text = text;
    node->size = 1 + text.size() / 256;  // so that aliases to one long text meet the limit as well
    node->quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    node->scalar = resolve(text, tag, mark);
    last_scalar_ = {mark, node->quoted};
    finish(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      fail(where(mark), "this alias stands inside its own anchor; a node cannot hold itself");
    add(found->second, mark.line);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  // A list or map whose end has not been seen.
  struct Open {
    std::shared_ptr<YamlNode> node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;  // a map that waits for the value of `key`
    YamlEntry key;
    bool key_merges = false;      // the key is a plain `<<`
    std::vector<NodePtr> merged;  // maps to merge, the strongest first
    std::unordered_set<std::string> keys;
  };

  std::string where(const YAML::Mark& mark) const { return cat(filename_, ":", std::max(mark.line, 0) + 1, ": "); }
  std::string where(int line) const { return cat(filename_, ":", line, ": "); }

  std::shared_ptr<YamlNode> new_node(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    node->line = std::max(mark.line, 0) + 1;
    if (anchor) anchors_.erase(anchor);
    return node;
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    const char* const plain = kind == YamlNode::Kind::kList ? "tag:yaml.org,2002:seq" : "tag:yaml.org,2002:map";
    if (tag != "?" && tag != "!" && !tag.empty() && tag != plain) refuse_tag(tag, mark);
    if (stack_.size() >= kYamlMaxDepth) {
      fail(where(mark), "lists and maps are nested more than ", kYamlMaxDepth, " deep; flatten them");
    }
    Open entry;
    entry.node = new_node(kind, mark, anchor);
    entry.anchor = anchor;
    stack_.push_back(std::move(entry));
  }

  void close() {
    Open top = std::move(stack_.back());
    stack_.pop_back();
    for (const NodePtr& map : top.merged) {
      for (const YamlEntry& entry : map->entries) {
        if (top.keys.insert(entry.key).second) top.node->entries.push_back(entry);
      }
    }
    finish(std::move(top.node), top.anchor);
  }

  void finish(std::shared_ptr<YamlNode> node, YAML::anchor_t anchor) {
    const int line = node->line - 1;
    NodePtr done = std::move(node);
    if (anchor) anchors_[anchor] = done;
    add(std::move(done), line);
  }

  // Puts a finished node where it belongs: into the list, as key or value of the map, or as the root.
  void add(NodePtr node, int line) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& top = stack_.back();
    top.node->size += node->size;
    if (top.node->size > kYamlMaxNodes) {
      fail(where(std::max(line, 0) + 1), "the file grows beyond ", kYamlMaxNodes,
           " nodes here, aliases counted as often as they are used; write less");
    }
    if (top.node->is_list()) {
      top.node->items.push_back(std::move(node));
    } else if (top.has_key) {
      top.has_key = false;
      if (top.key_merges) {
        collect_merged(top, *node, node);
      } else {
        top.key.value = std::move(node);
        top.node->entries.push_back(std::move(top.key));
      }
    } else {
      take_key(top, *node, std::max(line, 0) + 1);
    }
  }

  void take_key(Open& map, const YamlNode& key, int line) {
    if (!key.is_scalar()) fail(where(line), "a list or map stands where a key should; keys are plain words");
    map.has_key = true;
    map.key = {key.text, line, nullptr};
    map.key_merges = key.text == "<<" && !key.quoted;
    if (map.key_merges) return;
    if (!map.keys.insert(key.text).second) {
      const auto first = std::find_if(map.node->entries.begin(), map.node->entries.end(),
                                      [&](const YamlEntry& entry) { return entry.key == key.text; });
      fail(where(line), "the key ", show(key.text), " stands here for the second time, first in line ", first->line,
           "; keep one of them");
    }
  }

  void collect_merged(Open& map, const YamlNode& source, const NodePtr& owner) {
    if (source.is_map()) {
      map.merged.push_back(owner);
    } else if (source.is_list()) {
      for (const NodePtr& item : source.items) {
        if (!item->is_map()) fail(where(item->line), "`<<` merges maps only; this item is none");
        map.merged.push_back(item);
      }
    } else {
      fail(where(source.line), "`<<` merges a map or a list of maps; this is neither");
    }
  }

  [[noreturn]] void refuse_tag(const std::string& tag, const YAML::Mark& mark) const {
    fail(where(mark), "the tag ", show(tag), " is not known; use !!str, !!int, !!float, !!bool, !!null or none");
  }

  Value resolve(const std::string& text, const std::string& tag, const YAML::Mark& mark) const {
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return text;
    if (tag == "?" || tag.empty()) return resolve_plain(text, mark);
    Value value = resolve_plain(text, mark);
    if (tag == "tag:yaml.org,2002:float" && value.is_number()) return value.get<double>();
    if (tag == "tag:yaml.org,2002:int" && value.is_number_integer()) return value;
    if (tag == "tag:yaml.org,2002:bool" && value.is_boolean()) return value;
    if (tag == "tag:yaml.org,2002:null" && value.is_null()) return value;
    if (tag != "tag:yaml.org,2002:float" && tag != "tag:yaml.org,2002:int" && tag != "tag:yaml.org,2002:bool" &&
        tag != "tag:yaml.org,2002:null") {
      refuse_tag(tag, mark);
    }
    fail(where(mark), show(text), " is not what its tag ", show(tag), " says; correct one of them");
  }

  Value resolve_plain(const std::string& text, const YAML::Mark& mark) const {
    if (one_of(text, kNull)) return nullptr;
    if (one_of(text, kTrue)) return true;
    if (one_of(text, kFalse)) return false;
    if (one_of(text, kNotFinite)) fail(where(mark), show(text), " is not finite; write a number that is");
    if (auto number = parse_number(text)) return *number;
    const bool digits_only = !text.empty() && text.find_first_not_of("+-0123456789_.eE") == std::string::npos &&
                             text.find_first_of("0123456789") != std::string::npos &&
                             text.find_first_of("+-0123456789.") == 0 && looks_too_large(text);
    if (digits_only) fail(where(mark), "the number ", show(text), " does not fit 64 bits; write a smaller one");
    return text;
  }

  // Text of the form of a number that parse_number refused for its size.
  static bool looks_too_large(std::string_view text) {
    if (text[0] == '+' || text[0] == '-') text.remove_prefix(1);
    const std::size_t e = text.find_first_of("eE");
    if (e != std::string_view::npos) {
      // Cut the exponent down to one digit: a number now means that only its size was wrong.
      const std::size_t sign = e + 1 < text.size() && (text[e + 1] == '-' || text[e + 1] == '+') ? 1 : 0;
      if (text.substr(e + 1 + sign).find_first_not_of("0123456789") != std::string_view::npos) return false;
      return e + 1 + sign < text.size() && parse_number(cat(text.substr(0, e), "e1")).has_value();
    }
    return text.size() >= 19 && text[0] != '0' && text.find_first_not_of("0123456789_") == std::string_view::npos;
  }

  struct LastScalar {
    YAML::Mark mark;
    bool quoted = false;
  };

  const std::string& filename_;
  LastScalar last_scalar_;
  NodePtr root_;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, NodePtr> anchors_;
};

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  for (const YamlEntry& entry : entries) {
    if (entry.key == key) return entry.value.get();
  }
  return nullptr;
}

Value YamlNode::to_value() const {
  if (is_scalar()) return scalar;
  if (is_list()) {
    Value list = Value::array();
    for (const auto& item : items) list.push_back(item->to_value());
    return list;
  }
  Value map = Value::object();
  for (const YamlEntry& entry : entries) map[entry.key] = entry.value->to_value();
  return map;
}

std::shared_ptr<const YamlNode> parse_yaml(const std::string& text, const std::string& filename) {
  check_text(text, filename);
  std::istringstream stream(text);
  TreeBuilder builder(filename);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& problem) {
    fail(filename, ":", std::max(problem.mark.line, 0) + 1, ": this is not valid YAML: ", problem.msg);
  }
  builder.check_end(text);
  return builder.root();
}

}  // namespace caviar
