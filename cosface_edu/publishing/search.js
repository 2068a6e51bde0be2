// How a search of the book weighs what it finds; Sphinx puts this into its own script. In that, a part of a word
// ("hing" in "nothing") passes for the whole word of a title: a page that has the whole word is put above the rest.
var Scorer = {
  score: ([page, , , , score]) => {
    const { docnames, terms, titleterms } = Search._index;
    const stemmer = new Stemmer();
    const asked = splitQuery(new URLSearchParams(location.search).get("q").toLowerCase());
    const stems = asked.map((word) => stemmer.stemWord(word));
    const has = (stem) => [terms[stem], titleterms[stem]].flat().includes(docnames.indexOf(page));
    return score + 10 * stems.filter(has).length;
  },
  // Sphinx's own.
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
