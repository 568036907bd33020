# Completion of bash for lockstep and the programs beside it. What there is to say is asked of their --help.
_lockstep() {
  local word=${COMP_WORDS[COMP_CWORD]} program=${COMP_WORDS[0]} asked=()
  COMPREPLY=()
  if [ "${program##*/}" = lockstep ]; then
    if [ "$COMP_CWORD" -eq 1 ]; then
      mapfile -t COMPREPLY < <(compgen -W "$("$program" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p') --help --version" -- "$word")
      return
    fi
    asked=("${COMP_WORDS[1]}")
  fi
  [[ $word == -* ]] || return 0  # -o default: files
  mapfile -t COMPREPLY < <(compgen -W "$("$program" "${asked[@]}" --help 2>/dev/null | grep -oE '(^|[^-a-z])--[a-z][a-z-]+' | grep -oE -- '--[a-z-]+')" -- "$word")
}
complete -o default -F _lockstep lockstep lockstep-exec lockstep-conformance lockstep-doctor lockstep-fuzz lockstep-cuda-trace
